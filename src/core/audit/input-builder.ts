import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from "../../api/types.ts";
import { type Fields, fieldsOf, stringsOf, textOf } from "./fields.ts";
import type { AuditInput, InputProblem, NodeFacts, TokenSecret, WorkloadFacts } from "./input.ts";
import type { Located, Origin } from "./origin.ts";
import { readRoleRef, readRules, readSelector, readSubjects } from "./read-rbac.ts";
import { readWorkload } from "./read-workload.ts";
import type { ScrapeThroughApiServer } from "./scrape-config.ts";

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

const RBAC = "rbac.authorization.k8s.io/";
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
  const tokenSecrets: TokenSecret[] = [];
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
        const subjects = readSubjects(
          object["subjects"],
          kind === "RoleBinding" ? home : options.defaultNamespace,
          wrong,
        );
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

  const addCore = (apiVersion: string, kind: string, object: Fields): boolean => {
    if (apiVersion !== "v1") return false;
    const metadata = fieldsOf(object["metadata"]);
    const name = textOf(metadata["name"]) ?? "";
    const namespace = textOf(metadata["namespace"]) ?? options.defaultNamespace;
    switch (kind) {
      case "Node": {
        const info = fieldsOf(fieldsOf(object["status"])["nodeInfo"]);
        nodes.set(name, { name, kubeletVersion: textOf(info["kubeletVersion"]) ?? "" });
        return true;
      }
      case "ServiceAccount":
        serviceAccounts.set(`${namespace}/${name}`, { namespace, name });
        return true;
      case "Secret": {
        if (object["type"] !== "kubernetes.io/service-account-token") return false;
        const account = textOf(fieldsOf(metadata["annotations"])["kubernetes.io/service-account.name"]) ?? "";
        if (account !== "") tokenSecrets.push({ namespace, name, account });
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
    if (addCore(apiVersion, kind, object)) return;
    const workload = readWorkload(object, options.defaultNamespace);
    if (workload !== undefined) {
      workloads.push(workload);
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
      tokenSecrets,
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
