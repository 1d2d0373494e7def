import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
  Subject,
} from "../../api/types.ts";
import type { Located, Origin } from "./origin.ts";
import type { ScrapeThroughApiServer } from "./scrape-config.ts";

export interface NodeFacts {
  readonly name: string;
  /** status.nodeInfo.kubeletVersion; "" when not known. */
  readonly kubeletVersion: string;
}

/** What runs as a ServiceAccount. */
export interface WorkloadFacts {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly serviceAccount: string;
  readonly images: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Names of ConfigMaps and Secrets it mounts. */
  readonly configuration: readonly string[];
}

/** Something that could not be used, said so that nothing is skipped in silence. */
export interface InputProblem {
  readonly origin: Origin;
  readonly message: string;
  /** Whether an answer may be wrong because of it. */
  readonly severity: "error" | "warning";
}

/** Everything the audit knows about a cluster, or about a set of manifests. */
export interface AuditInput {
  readonly clusterRoles: readonly Located<ClusterRole>[];
  readonly roles: readonly Located<Role>[];
  readonly clusterRoleBindings: readonly Located<ClusterRoleBinding>[];
  readonly roleBindings: readonly Located<RoleBinding>[];
  readonly nodes: readonly NodeFacts[];
  readonly serviceAccounts: readonly { readonly namespace: string; readonly name: string }[];
  readonly workloads: readonly WorkloadFacts[];
  readonly scrapes: readonly Located<ScrapeThroughApiServer>[];
  /** How often each kind was seen that plays no part in the audit. */
  readonly otherKinds: Readonly<Record<string, number>>;
  readonly documents: number;
  readonly files: number;
  readonly problems: readonly InputProblem[];
  /** "" when not known. */
  readonly apiServerVersion: string;
  /** From a cluster everything is there; manifests leave out what a cluster already has. */
  readonly wholeCluster: boolean;
}

/** A value as it came out of YAML or JSON, and where its parts were. */
export interface Document {
  readonly value: unknown;
  readonly origin: Origin;
  readonly ruleLines?: readonly number[];
}

export interface AuditInputBuilder {
  /** Takes one object, or a list of them. */
  add(document: Document): void;
  problem(problem: InputProblem): void;
  countFile(): void;
  addScrape(scrape: Located<ScrapeThroughApiServer>): void;
  setApiServerVersion(version: string): void;
  /** Says that nothing is missing but what `problem` was told. */
  setWholeCluster(): void;
  finish(): AuditInput;
}

type Fields = Readonly<Record<string, unknown>>;

const RBAC = "rbac.authorization.k8s.io/";
const WORKLOADS: ReadonlySet<string> = new Set([
  "Deployment",
  "DaemonSet",
  "StatefulSet",
  "ReplicaSet",
  "ReplicationController",
  "Job",
  "CronJob",
]);

export interface InputOptions {
  /** Taken for namespaced objects that name none. */
  readonly defaultNamespace: string;
  readonly wholeCluster: boolean;
}

export function createAuditInput(options: InputOptions): AuditInputBuilder {
  const clusterRoles = new Map<string, Located<ClusterRole>>();
  const roles = new Map<string, Located<Role>>();
  const clusterRoleBindings = new Map<string, Located<ClusterRoleBinding>>();
  const roleBindings = new Map<string, Located<RoleBinding>>();
  const nodes = new Map<string, NodeFacts>();
  const serviceAccounts = new Map<string, { readonly namespace: string; readonly name: string }>();
  const workloads: WorkloadFacts[] = [];
  const scrapes: Located<ScrapeThroughApiServer>[] = [];
  const otherKinds = new Map<string, number>();
  const problems: InputProblem[] = [];
  let documents = 0;
  let files = 0;
  let apiServerVersion = "";
  let wholeCluster = options.wholeCluster;

  const complain = (origin: Origin, message: string): void => {
    problems.push({ origin, message, severity: "error" });
  };

  const keep = <T>(kind: string, into: Map<string, Located<T>>, key: string, found: Located<T>): void => {
    const before = into.get(key);
    if (before !== undefined && JSON.stringify(before.object) !== JSON.stringify(found.object)) {
      problems.push({
        origin: found.origin,
        severity: "warning",
        message: `${kind} "${key}" is there twice with different content (first at ${before.origin.file}:${before.origin.line}): the last one counts`,
      });
    }
    into.set(key, found);
  };

  const addRbac = (kind: string, object: Fields, document: Document): boolean => {
    const { origin } = document;
    const metadata = fieldsOf(object["metadata"]);
    const name = textOf(metadata["name"]);
    if (name === undefined || name === "") {
      complain(origin, `${kind} without metadata.name: it can not be told what it grants`);
      return true;
    }
    const labels = stringsOf(metadata["labels"]);
    const namespace = textOf(metadata["namespace"]) ?? "";
    const home = namespace === "" ? options.defaultNamespace : namespace;
    const located = {
      origin,
      ...(document.ruleLines !== undefined && { ruleLines: document.ruleLines }),
    };
    const wrong = (what: string): void => complain(origin, `${kind} "${name}": ${what}`);
    switch (kind) {
      case "ClusterRole": {
        const aggregation = fieldsOf(object["aggregationRule"]);
        const selectors = aggregation["clusterRoleSelectors"];
        keep(kind, clusterRoles, name, {
          ...located,
          object: {
            metadata: { name, labels },
            rules: readRules(object["rules"], wrong),
            ...(Array.isArray(selectors) && {
              aggregationRule: {
                clusterRoleSelectors: selectors.map((selector: unknown) => readSelector(selector)),
              },
            }),
          },
        });
        return true;
      }
      case "Role":
        keep(kind, roles, `${home}/${name}`, {
          ...located,
          object: { metadata: { name, namespace: home, labels }, rules: readRules(object["rules"], wrong) },
        });
        return true;
      case "ClusterRoleBinding":
      case "RoleBinding": {
        const roleRef = readRoleRef(object["roleRef"]);
        if (roleRef === undefined) {
          wrong("roleRef names no role");
          return true;
        }
        const subjects = readSubjects(object["subjects"], kind === "RoleBinding" ? home : "", options, wrong);
        if (kind === "ClusterRoleBinding") {
          keep(kind, clusterRoleBindings, name, {
            ...located,
            object: { metadata: { name, labels }, roleRef, subjects },
          });
        } else {
          keep(kind, roleBindings, `${home}/${name}`, {
            ...located,
            object: { metadata: { name, namespace: home, labels }, roleRef, subjects },
          });
        }
        return true;
      }
      default:
        return false;
    }
  };

  const add = (document: Document): void => {
    const { value, origin } = document;
    if (value === null || value === undefined) return;
    documents += 1;
    if (typeof value !== "object" || Array.isArray(value)) {
      complain(origin, `this is ${Array.isArray(value) ? "a list" : `a ${typeof value}`}, not a Kubernetes object`);
      return;
    }
    const object = value as Fields;
    const kind = textOf(object["kind"]) ?? "";
    const apiVersion = textOf(object["apiVersion"]) ?? "";
    if (kind === "") {
      complain(origin, "an object without kind: it can not be told what it is");
      return;
    }
    if (apiVersion.startsWith(RBAC) && addRbac(kind, object, document)) return;
    const metadata = fieldsOf(object["metadata"]);
    const name = textOf(metadata["name"]) ?? "";
    const namespace = textOf(metadata["namespace"]) ?? options.defaultNamespace;
    if (apiVersion === "v1" && kind === "Node") {
      const info = fieldsOf(fieldsOf(object["status"])["nodeInfo"]);
      nodes.set(name, { name, kubeletVersion: textOf(info["kubeletVersion"]) ?? "" });
      return;
    }
    if (apiVersion === "v1" && kind === "ServiceAccount") {
      serviceAccounts.set(`${namespace}/${name}`, { namespace, name });
      return;
    }
    const podSpec =
      apiVersion === "v1" && kind === "Pod"
        ? object["spec"]
        : WORKLOADS.has(kind)
          ? podSpecOf(kind, object)
          : undefined;
    if (podSpec !== undefined) {
      workloads.push(readWorkload(kind, namespace, name, stringsOf(metadata["labels"]), fieldsOf(podSpec)));
      return;
    }
    const known = apiVersion === "" ? kind : `${apiVersion}/${kind}`;
    otherKinds.set(known, (otherKinds.get(known) ?? 0) + 1);
  };

  return {
    add,
    problem: (problem) => problems.push(problem),
    countFile() {
      files += 1;
    },
    addScrape: (scrape) => scrapes.push(scrape),
    setApiServerVersion(version) {
      apiServerVersion = version;
    },
    setWholeCluster() {
      wholeCluster = true;
    },
    finish: () => ({
      clusterRoles: [...clusterRoles.values()],
      roles: [...roles.values()],
      clusterRoleBindings: [...clusterRoleBindings.values()],
      roleBindings: [...roleBindings.values()],
      nodes: [...nodes.values()],
      serviceAccounts: [...serviceAccounts.values()],
      workloads,
      scrapes,
      otherKinds: Object.fromEntries([...otherKinds].sort(([a], [b]) => (a < b ? -1 : 1))),
      documents,
      files,
      problems,
      apiServerVersion,
      wholeCluster,
    }),
  };
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : undefined;
}

function stringsOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fieldsOf(value)).flatMap(([key, item]) => {
      const text = textOf(item) ?? (typeof item === "boolean" ? String(item) : undefined);
      return text === undefined ? [] : [[key, text]];
    }),
  );
}

type Complain = (what: string) => void;

function readTexts(value: unknown, field: string, wrong: Complain): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
    wrong(`${field} is not a list of strings; the rule is left out`);
    return undefined;
  }
  return value;
}

/** Rules that can not be read keep their place as a rule that grants nothing, so that indexes fit the manifest. */
function readRules(value: unknown, wrong: Complain): readonly PolicyRule[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) {
    wrong("rules is not a list");
    return [];
  }
  return value.map((item: unknown, index): PolicyRule => {
    const fields = fieldsOf(item);
    const read = (field: string): readonly string[] | undefined =>
      readTexts(fields[field], `rules[${index}].${field}`, wrong);
    const [verbs, apiGroups, resources] = [read("verbs"), read("apiGroups"), read("resources")];
    const [resourceNames, nonResourceURLs] = [read("resourceNames"), read("nonResourceURLs")];
    const broken = ["verbs", "apiGroups", "resources", "resourceNames"].some(
      (field) => fields[field] !== undefined && fields[field] !== null && !Array.isArray(fields[field]),
    );
    return {
      verbs: broken ? [] : (verbs ?? []),
      ...(apiGroups !== undefined && { apiGroups }),
      ...(resources !== undefined && { resources }),
      ...(resourceNames !== undefined && { resourceNames }),
      ...(nonResourceURLs !== undefined && { nonResourceURLs }),
    };
  });
}

function readSelector(value: unknown): {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: string[];
  }[];
} {
  const { matchLabels, matchExpressions } = fieldsOf(value);
  return {
    ...(matchLabels !== undefined && { matchLabels: stringsOf(matchLabels) }),
    ...(Array.isArray(matchExpressions) && { matchExpressions: matchExpressions as never }),
  };
}

function readRoleRef(value: unknown): RoleRef | undefined {
  const fields = fieldsOf(value);
  const [kind, name] = [textOf(fields["kind"]) ?? "", textOf(fields["name"]) ?? ""];
  if (kind === "" || name === "") return undefined;
  return { apiGroup: textOf(fields["apiGroup"]) ?? "rbac.authorization.k8s.io", kind, name };
}

function readSubjects(value: unknown, home: string, options: InputOptions, wrong: Complain): readonly Subject[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) {
    wrong("subjects is not a list");
    return [];
  }
  return value.flatMap((item: unknown, index): readonly Subject[] => {
    const fields = fieldsOf(item);
    const [kind, name] = [textOf(fields["kind"]) ?? "", textOf(fields["name"]) ?? ""];
    if (name === "" || kind === "") {
      wrong(`subjects[${index}] has no kind or no name`);
      return [];
    }
    if (kind !== "ServiceAccount") return [{ kind, name }];
    const own = textOf(fields["namespace"]) ?? "";
    const namespace = own === "" ? (home === "" ? options.defaultNamespace : home) : own;
    return [{ kind, name, namespace }];
  });
}

function podSpecOf(kind: string, object: Fields): unknown {
  const spec = fieldsOf(object["spec"]);
  const jobSpec = kind === "CronJob" ? fieldsOf(fieldsOf(spec["jobTemplate"])["spec"]) : spec;
  return fieldsOf(jobSpec["template"])["spec"] ?? {};
}

function readWorkload(
  kind: string,
  namespace: string,
  name: string,
  labels: Readonly<Record<string, string>>,
  spec: Fields,
): WorkloadFacts {
  const list = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.map(fieldsOf) : []);
  const account = textOf(spec["serviceAccountName"]) ?? textOf(spec["serviceAccount"]) ?? "";
  return {
    kind,
    namespace,
    name,
    serviceAccount: account === "" ? "default" : account,
    labels,
    images: list(spec["containers"]).flatMap((container) => textOf(container["image"]) ?? []),
    configuration: list(spec["volumes"]).flatMap(
      (volume) =>
        textOf(fieldsOf(volume["configMap"])["name"]) ?? textOf(fieldsOf(volume["secret"])["secretName"]) ?? [],
    ),
  };
}
