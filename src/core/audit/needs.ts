import type { KnownComponent } from "./components.ts";
import type { AccessGrant } from "./kubelet-access.ts";
import type { NodeClass } from "./node-classes.ts";
import { NODE_SUBRESOURCES } from "./node-grants.ts";
import type { ScrapeThroughApiServer } from "./scrape-config.ts";
import type { Usage, UsageLine } from "./usage.ts";

/** A verb on a subresource of nodes. */
export interface Need {
  readonly verb: string;
  readonly subresource: string;
}

export type RemediationVerdict =
  /** Seen in logs or known: narrower rules do. */
  | "replaceable"
  /** Logs that cover the grant show no use of it. */
  | "unused"
  /** Something it does has no narrower subresource. */
  | "needs-proxy"
  /** Nothing known about what it needs. */
  | "unknown";

/** What somebody needs of kubelets, as far as can be told. */
export interface Needs {
  readonly verdict: RemediationVerdict;
  readonly basis: "audit-log" | "scrape-configuration" | "known-component" | "none";
  readonly needs: readonly Need[];
  readonly remarks: readonly string[];
}

export interface Evidence {
  /** What the logs say of the subject; undefined when none were read. */
  readonly lines: readonly UsageLine[] | undefined;
  readonly usage: Usage | undefined;
  readonly scrapes: readonly ScrapeThroughApiServer[];
  readonly component: KnownComponent | undefined;
  readonly classes: readonly NodeClass[];
}

/** Asked since 1.33 only; before, they are nodes/proxy. */
const FINE_GRAINED: ReadonlySet<string> = new Set(["pods", "healthz", "configz"]);

/** Evidence counts before knowledge: logs, then scrape configurations, then what is known of the component. */
export function neededBy({ lines, usage, scrapes, component, classes }: Evidence): Needs {
  const metrics = scrapes.length > 0 ? [{ verb: "get", subresource: "metrics" }] : [];
  if (lines !== undefined && lines.length > 0) return fromLogs(lines, metrics, classes, usage?.reviews ?? 0);
  if (usage !== undefined && usage.reviews > 0 && usage.reviewsWithoutBody === 0) {
    return {
      verdict: "unused",
      basis: "audit-log",
      needs: metrics,
      remarks: ["the logs show no use; make sure they cover a whole period of its work"],
    };
  }
  const remarks =
    usage === undefined
      ? []
      : [
          "the logs hold no reviews by kubelets, or not their content (audit level Metadata), so they can not tell whether it is used",
        ];
  if (component?.through === "api-server") {
    return {
      verdict: "needs-proxy",
      basis: "known-component",
      needs: [],
      remarks: [
        ...remarks,
        `${component.name} asks for ${component.endpoints.join(", ")} through the API server's proxy, where nothing but nodes/proxy will do: only a version that asks kubelets directly can do with less`,
      ],
    };
  }
  if (component !== undefined) {
    const needs = component.subresources.map((subresource) => ({ verb: "get", subresource }));
    return { verdict: "replaceable", basis: "known-component", needs: distinct([...needs, ...metrics]), remarks };
  }
  return metrics.length > 0
    ? { verdict: "replaceable", basis: "scrape-configuration", needs: metrics, remarks }
    : { verdict: "unknown", basis: "none", needs: [], remarks };
}

function fromLogs(
  lines: readonly UsageLine[],
  metrics: readonly Need[],
  classes: readonly NodeClass[],
  reviews: number,
): Needs {
  const old = new Set(classes.filter(({ profile }) => !profile.fineGrained).flatMap(({ nodes }) => nodes));
  const alone = lines.filter(
    ({ through, subresource, withoutFineGrained = 0 }) =>
      through === "kubelet" && subresource === "proxy" && withoutFineGrained > 0,
  );
  // A kubelet before 1.33 asks for nodes/proxy whatever is wanted of it.
  const tells = ({ withoutFineGrainedOn = [], moreNodes }: UsageLine): boolean =>
    moreNodes || withoutFineGrainedOn.some((node) => !old.has(node));
  const needsProxy =
    alone.some(tells) ||
    lines.some(
      ({ through, subresource, connects }) =>
        through === "api-server" && (connects === true || subresource === "proxy"),
    );
  const needs = lines
    .filter(({ subresource }) => subresource !== "proxy")
    .map(({ verb, subresource }) => ({ verb, subresource }));
  const onlyOld = !needsProxy && alone.length > 0;
  const blind = reviews === 0;
  return {
    verdict: needsProxy ? "needs-proxy" : onlyOld || blind ? "unknown" : "replaceable",
    basis: "audit-log",
    needs: distinct([...needs, ...metrics]),
    remarks: [
      ...(onlyOld
        ? [
            "nodes/proxy was asked only by kubelets before 1.33, which do not tell /pods from /exec: upgrade one of its nodes and look again",
          ]
        : []),
      ...(blind
        ? [
            "the logs show requests through the API server only: reviews by kubelets are missing or without content, so what it asks of port 10250 can not be seen",
          ]
        : []),
    ],
  };
}

/** Narrow subresources that are held and of which the logs show no use. Nothing when the logs can not tell. */
export function unusedSubresources(
  grants: readonly AccessGrant[],
  lines: readonly UsageLine[],
  usage: Usage,
  classes: readonly NodeClass[],
): readonly string[] {
  if (usage.reviews === 0 || usage.reviewsWithoutBody > 0) return [];
  const seen = new Set(lines.filter(({ through }) => through === "kubelet").map(({ subresource }) => subresource));
  const hasOld = classes.some(({ profile }) => !profile.fineGrained);
  const named = new Set(grants.flatMap(({ rule }) => rule.rule.resources ?? []));
  return NODE_SUBRESOURCES.filter((subresource) => {
    if (subresource === "proxy" || seen.has(subresource) || !named.has(`nodes/${subresource}`)) return false;
    // Old kubelets ask for nodes/proxy instead.
    return !(hasOld && FINE_GRAINED.has(subresource));
  }).map((subresource) => `nodes/${subresource}`);
}

/** Whether these need kubelets of 1.33 or newer. */
export function needsNewKubelets(needs: readonly Need[]): boolean {
  return needs.some(({ subresource }) => FINE_GRAINED.has(subresource));
}

function distinct(needs: readonly Need[]): readonly Need[] {
  const seen = new Map(needs.map((need) => [`${need.verb}/${need.subresource}`, need]));
  return [...seen.values()].sort((a, b) => (`${a.verb}${a.subresource}` < `${b.verb}${b.subresource}` ? -1 : 1));
}
