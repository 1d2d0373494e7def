import type { LabelSelector, ObjectMeta, PolicyRule, Subject } from "../../../api/types.ts";
import { RBAC_GROUP } from "../escalation.ts";
import type { RbacObject } from "../rbac-index.ts";
import {
  AGGREGATE_TO,
  AGGREGATED_ROLES,
  type BootstrapRoleOptions,
  clusterRoles,
  COUNTS_TOWARDS,
} from "./cluster-roles.ts";
import { CONTROLLER_PREFIX, CONTROLLER_ROLES, MANAGED_CONTROLLERS } from "./controller-roles.ts";
import { NAMESPACE_ROLES } from "./namespace-roles.ts";

/** A live object with this annotation set to "false" is never changed at start. */
export const AUTO_UPDATE = "rbac.authorization.kubernetes.io/autoupdate";

const MANAGER = "system:kube-controller-manager";
const SCHEDULER = "system:kube-scheduler";
const SYSTEM = "kube-system";

function metadata(
  name: string,
  more: { readonly namespace?: string; readonly countsTowards?: string } = {},
): ObjectMeta {
  const { namespace, countsTowards } = more;
  return {
    name,
    ...(namespace !== undefined && { namespace }),
    labels: {
      "kubernetes.io/bootstrapping": "rbac-defaults",
      ...(countsTowards !== undefined && { [`${AGGREGATE_TO}${countsTowards}`]: "true" }),
    },
    annotations: { [AUTO_UPDATE]: "true" },
  };
}

const user = (name: string): Subject => ({ kind: "User", apiGroup: RBAC_GROUP, name });
const group = (name: string): Subject => ({ kind: "Group", apiGroup: RBAC_GROUP, name });
const serviceAccount = (name: string): Subject => ({ kind: "ServiceAccount", namespace: SYSTEM, name });

function clusterRole(name: string, rules: readonly PolicyRule[], countsTowards?: string): RbacObject {
  return {
    kind: "ClusterRole",
    object: { metadata: metadata(name, { ...(countsTowards !== undefined && { countsTowards }) }), rules },
  };
}

function aggregatedRole(name: string, countsTowards?: string): RbacObject {
  const selector: LabelSelector = { matchLabels: { [`${AGGREGATE_TO}${name}`]: "true" } };
  return {
    kind: "ClusterRole",
    object: {
      metadata: metadata(name, { ...(countsTowards !== undefined && { countsTowards }) }),
      aggregationRule: { clusterRoleSelectors: [selector] },
      rules: [],
    },
  };
}

function clusterBinding(name: string, roleName: string, subjects: readonly Subject[]): RbacObject {
  return {
    kind: "ClusterRoleBinding",
    object: {
      metadata: metadata(name),
      roleRef: { apiGroup: RBAC_GROUP, kind: "ClusterRole", name: roleName },
      subjects,
    },
  };
}

function binding(namespace: string, name: string, roleName: string, subjects: readonly Subject[]): RbacObject {
  return {
    kind: "RoleBinding",
    object: {
      metadata: metadata(name, { namespace }),
      roleRef: { apiGroup: RBAC_GROUP, kind: "Role", name: roleName },
      subjects,
    },
  };
}

const AUTHENTICATED = group("system:authenticated");

/** Who holds the default ClusterRoles; each binding has the name of its role. */
const DEFAULT_HOLDERS: Readonly<Record<string, readonly Subject[]>> = {
  "cluster-admin": [group("system:masters")],
  "system:monitoring": [group("system:monitoring")],
  "system:discovery": [AUTHENTICATED],
  "system:basic-user": [AUTHENTICATED],
  "system:public-info-viewer": [AUTHENTICATED, group("system:unauthenticated")],
  "system:node-proxier": [user("system:kube-proxy")],
  "system:kube-controller-manager": [user(MANAGER)],
  "system:kube-dns": [serviceAccount("kube-dns")],
  "system:kube-scheduler": [user(SCHEDULER)],
  "system:volume-scheduler": [user(SCHEDULER)],
  // Nobody: kubelets get these rules through the Node authorizer, each for what belongs to its node.
  "system:node": [],
  "system:service-account-issuer-discovery": [group("system:serviceaccounts")],
};

/** Bindings for the identities of src/adapters/tls/cluster-pki.ts; upstream leaves these to the installer. */
function installationBindings(): readonly RbacObject[] {
  const approver = (signer: string): string => `system:certificates.k8s.io:${signer}-approver`;
  return [
    clusterBinding("kubeadm:cluster-admins", "cluster-admin", [group("kubeadm:cluster-admins")]),
    clusterBinding("orlop:apiserver-kubelet-client", "system:kubelet-api-admin", [
      user("kube-apiserver-kubelet-client"),
    ]),
    clusterBinding(
      "orlop:node-autoapprove-certificate-rotation",
      "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
      [group("system:nodes")],
    ),
    clusterBinding("orlop:controller-manager:kubelet-serving-approver", approver("kubelet-serving"), [user(MANAGER)]),
    ...MANAGED_CONTROLLERS.map((name) =>
      clusterBinding(`orlop:controller-manager:${name}`, `${CONTROLLER_PREFIX}${name}`, [user(MANAGER)]),
    ),
  ];
}

/**
 * Every role and binding a cluster starts with. Roles come before bindings, and all in the order in which they should
 * be created.
 */
export function bootstrapPolicy(options: BootstrapRoleOptions): readonly RbacObject[] {
  return [
    ...Object.entries(AGGREGATED_ROLES).map(([name, { countsTowards }]) => aggregatedRole(name, countsTowards)),
    ...Object.entries(clusterRoles(options)).map(([name, rules]) => clusterRole(name, rules, COUNTS_TOWARDS[name])),
    ...Object.entries(CONTROLLER_ROLES).map(([name, rules]) => clusterRole(`${CONTROLLER_PREFIX}${name}`, rules)),
    ...Object.entries(DEFAULT_HOLDERS).map(([name, subjects]) => clusterBinding(name, name, subjects)),
    ...Object.keys(CONTROLLER_ROLES).map((name) =>
      clusterBinding(`${CONTROLLER_PREFIX}${name}`, `${CONTROLLER_PREFIX}${name}`, [serviceAccount(name)]),
    ),
    ...installationBindings(),
    ...Object.entries(NAMESPACE_ROLES).flatMap(([namespace, roles]) =>
      Object.entries(roles).map(
        ([name, rules]): RbacObject => ({ kind: "Role", object: { metadata: metadata(name, { namespace }), rules } }),
      ),
    ),
    binding(SYSTEM, "system::extension-apiserver-authentication-reader", "extension-apiserver-authentication-reader", [
      user(MANAGER),
      user(SCHEDULER),
    ]),
    binding(
      SYSTEM,
      "system::leader-locking-kube-controller-manager",
      "system::leader-locking-kube-controller-manager",
      [user(MANAGER), serviceAccount("kube-controller-manager"), serviceAccount("leader-election-controller")],
    ),
    binding(SYSTEM, "system::leader-locking-kube-scheduler", "system::leader-locking-kube-scheduler", [
      user(SCHEDULER),
      serviceAccount("kube-scheduler"),
    ]),
    ...["bootstrap-signer", "cloud-provider", "token-cleaner"].map((name) =>
      binding(SYSTEM, `${CONTROLLER_PREFIX}${name}`, `${CONTROLLER_PREFIX}${name}`, [serviceAccount(name)]),
    ),
    binding("kube-public", `${CONTROLLER_PREFIX}bootstrap-signer`, `${CONTROLLER_PREFIX}bootstrap-signer`, [
      serviceAccount("bootstrap-signer"),
    ]),
  ];
}
