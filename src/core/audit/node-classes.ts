import type { NodeFacts } from "./input.ts";

/** What of a kubelet's version matters for who may do what. */
export interface KubeletProfile {
  /** Of Kubernetes 1.x. */
  readonly minor: number;
  /** Orlop's kubelet asks for the verb create before it lets anyone into a container. */
  readonly orlop: boolean;
  /** Whether nodes/pods, nodes/healthz and nodes/configz are asked before nodes/proxy. */
  readonly fineGrained: boolean;
}

/** Nodes whose kubelets answer alike. */
export interface NodeClass {
  /** e.g. "1.36", "1.36+orlop" or "assumed 1.36". */
  readonly name: string;
  readonly profile: KubeletProfile;
  readonly versions: readonly string[];
  readonly nodes: readonly string[];
  /** No node was seen, or it told no version: the newest behaviour is taken. */
  readonly assumed: boolean;
  readonly remark?: string;
}

export const NEWEST_MINOR = 36;

/** From e.g. "v1.31.4", "v1.30.2-gke.100", "1.36.0+orlop.0.1.0"; undefined when that is no version. */
export function parseKubeletVersion(version: string): KubeletProfile | undefined {
  const match = /^v?1\.(\d{1,3})(?:[.+-]|$)/.exec(version);
  if (match?.[1] === undefined) return undefined;
  const minor = Number(match[1]);
  return { minor, orlop: version.includes("+orlop"), fineGrained: minor >= 33 };
}

function remarkFor({ minor, orlop }: KubeletProfile): string | undefined {
  if (orlop) return "Orlop: exec, attach, portForward and run need the verb create";
  if (minor < 32) return "no fine-grained authorization: pods, healthz and configz need nodes/proxy";
  if (minor === 32) return "fine-grained authorization is alpha and off unless KubeletFineGrainedAuthz was set";
  if (minor < 36) return "fine-grained authorization is on unless KubeletFineGrainedAuthz was turned off";
  return undefined;
}

/** @param assumed the version taken for nodes that tell none, and when there is no node at all */
export function classifyNodes(nodes: readonly NodeFacts[], assumed: string): readonly NodeClass[] {
  const byName = new Map<
    string,
    { profile: KubeletProfile; versions: Set<string>; nodes: string[]; assumed: boolean }
  >();
  const fallback = parseKubeletVersion(assumed) ?? { minor: NEWEST_MINOR, orlop: false, fineGrained: true };
  const put = (facts: NodeFacts | undefined): void => {
    const known = facts === undefined ? undefined : parseKubeletVersion(facts.kubeletVersion);
    const profile = known ?? fallback;
    const name = `${known === undefined ? "assumed " : ""}1.${profile.minor}${profile.orlop ? "+orlop" : ""}`;
    const entry = byName.get(name) ?? { profile, versions: new Set(), nodes: [], assumed: known === undefined };
    byName.set(name, entry);
    if (facts === undefined) return;
    if (facts.kubeletVersion !== "") entry.versions.add(facts.kubeletVersion);
    entry.nodes.push(facts.name);
  };
  for (const facts of nodes) put(facts);
  if (nodes.length === 0) put(undefined);
  return [...byName]
    .sort(([, a], [, b]) => a.profile.minor - b.profile.minor)
    .map(([name, entry]) => {
      const remark = remarkFor(entry.profile);
      return {
        name,
        profile: entry.profile,
        versions: [...entry.versions].sort(),
        nodes: entry.nodes.sort(),
        assumed: entry.assumed,
        ...(remark !== undefined && { remark }),
      };
    });
}
