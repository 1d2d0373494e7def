const NODE_RESTRICTION = "node-restriction.kubernetes.io";

/** Labels of Kubernetes' own name space that a kubelet may set on its node. */
const KUBELET_LABELS: ReadonlySet<string> = new Set([
  "kubernetes.io/hostname",
  "kubernetes.io/arch",
  "kubernetes.io/os",
  "beta.kubernetes.io/instance-type",
  "beta.kubernetes.io/arch",
  "beta.kubernetes.io/os",
  "failure-domain.beta.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region",
  "topology.kubernetes.io/zone",
  "topology.kubernetes.io/region",
  "node.kubernetes.io/instance-type",
]);

/** And name spaces whose labels it may all set. */
const KUBELET_NAMESPACES: readonly string[] = ["kubelet.kubernetes.io", "node.kubernetes.io"];

type Labels = Readonly<Record<string, string>>;

function isWithin(namespace: string, domain: string): boolean {
  return namespace === domain || namespace.endsWith(`.${domain}`);
}

function isForbidden(label: string): boolean {
  const slash = label.indexOf("/");
  const namespace = slash < 0 ? "" : label.slice(0, slash);
  if (isWithin(namespace, NODE_RESTRICTION)) return true;
  if (!isWithin(namespace, "kubernetes.io") && !isWithin(namespace, "k8s.io")) return false;
  return !KUBELET_LABELS.has(label) && !KUBELET_NAMESPACES.some((allowed) => isWithin(namespace, allowed));
}

/** Labels that differ and that a node may not change about itself: they would let it draw workloads to it. Sorted. */
export function forbiddenNodeLabels(labels: Labels = {}, old: Labels = {}): readonly string[] {
  const valueOf = (from: Labels, key: string): string | undefined => (Object.hasOwn(from, key) ? from[key] : undefined);
  const changed = [...new Set([...Object.keys(labels), ...Object.keys(old)])].filter(
    (key) => valueOf(labels, key) !== valueOf(old, key),
  );
  return changed.filter(isForbidden).sort();
}
