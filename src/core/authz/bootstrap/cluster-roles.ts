import type { PolicyRule } from "../../../api/types.ts";
import { events, read, readWrite, rule, urls, write } from "./notation.ts";

export interface BootstrapRoleOptions {
  /** Gate KubeletFineGrainedAuthz. */
  readonly fineGrained: boolean;
}

/** Label by which admin, edit and view collect their rules. */
export const AGGREGATE_TO = "rbac.authorization.k8s.io/aggregate-to-";

/** Roles that are the sum of others, and which of them they count towards themselves. */
export const AGGREGATED_ROLES: Readonly<Record<string, { readonly countsTowards?: string }>> = {
  admin: {},
  edit: { countsTowards: "admin" },
  view: { countsTowards: "edit" },
};

/** Roles whose rules admin, edit and view collect. */
export const COUNTS_TOWARDS: Readonly<Record<string, string>> = {
  "system:aggregate-to-admin": "admin",
  "system:aggregate-to-edit": "edit",
  "system:aggregate-to-view": "view",
};

/**
 * The kubelet's whole API. Upstream lacks spec, checkpoint and statusz; the announcement promises the first two, and
 * without the third the holder of "full access" could not read /statusz.
 */
function kubeletApiAdmin({ fineGrained }: BootstrapRoleOptions): readonly PolicyRule[] {
  return [
    read("core", "nodes"),
    rule("proxy", "core", "nodes"),
    rule("*", "core", "nodes/log nodes/metrics nodes/proxy nodes/stats"),
    ...(fineGrained ? [rule("*", "core", "nodes/configz nodes/healthz nodes/pods")] : []),
    rule("*", "core", "nodes/checkpoint nodes/spec nodes/statusz"),
  ];
}

/** Default ClusterRoles with rules of their own, by name. */
export function clusterRoles(options: BootstrapRoleOptions): Readonly<Record<string, readonly PolicyRule[]>> {
  return { ...CLUSTER_ROLES, "system:kubelet-api-admin": kubeletApiAdmin(options) };
}

const CLUSTER_ROLES: Readonly<Record<string, readonly PolicyRule[]>> = {
  "cluster-admin": [rule("*", "*", "*"), urls("*", "*")],
  "system:aggregate-to-admin": [
    rule("create", "authorization.k8s.io", "localsubjectaccessreviews"),
    readWrite("rbac.authorization.k8s.io", "rolebindings roles"),
  ],
  "system:aggregate-to-edit": [
    read("core", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy"),
    rule("impersonate", "core", "serviceaccounts"),
    write("core", "pods pods/attach pods/exec pods/portforward pods/proxy"),
    rule("create", "core", "pods/eviction"),
    write(
      "core",
      "configmaps persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy",
    ),
    rule("create", "core", "serviceaccounts/token"),
    write("core events.k8s.io", "events"),
    write(
      "apps",
      "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale",
    ),
    write("autoscaling", "horizontalpodautoscalers"),
    write("batch", "cronjobs jobs"),
    write(
      "extensions",
      "daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets replicasets/scale replicationcontrollers/scale",
    ),
    write("policy", "poddisruptionbudgets"),
    write("networking.k8s.io", "ingresses networkpolicies"),
    readWrite("coordination.k8s.io", "leases"),
    write("resource.k8s.io", "resourceclaims resourceclaimtemplates"),
  ],
  "system:aggregate-to-view": [
    read(
      "core",
      "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status",
    ),
    read(
      "core",
      "bindings limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status",
    ),
    read("core", "namespaces"),
    read("core events.k8s.io", "events"),
    read("discovery.k8s.io", "endpointslices"),
    read(
      "apps",
      "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status",
    ),
    read("autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status"),
    read("batch", "cronjobs cronjobs/status jobs jobs/status"),
    read(
      "extensions",
      "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale",
    ),
    read("policy", "poddisruptionbudgets poddisruptionbudgets/status"),
    read("networking.k8s.io", "ingresses ingresses/status networkpolicies"),
    read("resource.k8s.io", "resourceclaims resourceclaims/status resourceclaimtemplates"),
  ],
  "system:auth-delegator": [
    rule("create", "authentication.k8s.io", "tokenreviews"),
    rule("create", "authorization.k8s.io", "subjectaccessreviews"),
  ],
  "system:basic-user": [
    rule("create", "authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews"),
    rule("create", "authentication.k8s.io", "selfsubjectreviews"),
  ],
  "system:certificates.k8s.io:certificatesigningrequests:nodeclient": [
    rule("create", "certificates.k8s.io", "certificatesigningrequests/nodeclient"),
  ],
  "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient": [
    rule("create", "certificates.k8s.io", "certificatesigningrequests/selfnodeclient"),
  ],
  "system:certificates.k8s.io:kube-apiserver-client-approver": [
    rule("approve", "certificates.k8s.io", "signers", "kubernetes.io/kube-apiserver-client"),
  ],
  "system:certificates.k8s.io:kube-apiserver-client-kubelet-approver": [
    rule("approve", "certificates.k8s.io", "signers", "kubernetes.io/kube-apiserver-client-kubelet"),
  ],
  "system:certificates.k8s.io:kubelet-serving-approver": [
    rule("approve", "certificates.k8s.io", "signers", "kubernetes.io/kubelet-serving"),
  ],
  "system:certificates.k8s.io:legacy-unknown-approver": [
    rule("approve", "certificates.k8s.io", "signers", "kubernetes.io/legacy-unknown"),
  ],
  "system:discovery": [
    urls("get", "/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/"),
  ],
  "system:heapster": [read("core", "events namespaces nodes pods"), read("extensions", "deployments")],
  "system:kube-aggregator": [read("core", "endpoints services")],
  "system:kube-controller-manager": [
    events(),
    rule("create", "coordination.k8s.io", "leases"),
    rule("get update", "coordination.k8s.io", "leases", "kube-controller-manager"),
    rule("create", "core", "secrets serviceaccounts"),
    rule("delete", "core", "secrets"),
    rule("get", "core", "configmaps namespaces secrets serviceaccounts"),
    rule("update", "core", "secrets serviceaccounts"),
    rule("create", "authentication.k8s.io", "tokenreviews"),
    rule("create", "authorization.k8s.io", "subjectaccessreviews"),
    rule("list watch", "*", "*"),
    rule("create", "core", "serviceaccounts/token"),
  ],
  "system:kube-dns": [rule("list watch", "core", "endpoints services")],
  "system:kube-scheduler": [
    events(),
    rule("create", "coordination.k8s.io", "leases"),
    rule("get list update watch", "coordination.k8s.io", "leases", "kube-scheduler"),
    readWrite("coordination.k8s.io", "leasecandidates"),
    read("core", "nodes"),
    rule("delete get list watch", "core", "pods"),
    rule("create", "core", "bindings pods/binding"),
    rule("patch update", "core", "pods/status"),
    read("core", "replicationcontrollers services"),
    read("apps extensions", "replicasets"),
    read("apps", "statefulsets"),
    read("policy", "poddisruptionbudgets"),
    read("core", "persistentvolumeclaims persistentvolumes"),
    rule("create", "authentication.k8s.io", "tokenreviews"),
    rule("create", "authorization.k8s.io", "subjectaccessreviews"),
    read("storage.k8s.io", "csinodes"),
    read("storage.k8s.io", "volumeattachments"),
    read("core", "namespaces"),
    read("storage.k8s.io", "csidrivers"),
    read("storage.k8s.io", "csistoragecapacities"),
    read("resource.k8s.io", "deviceclasses"),
    rule("get list patch update watch", "resource.k8s.io", "resourceclaims"),
    rule("get list patch update watch", "resource.k8s.io", "resourceclaims/status"),
    rule("update", "core", "pods/finalizers"),
    read("resource.k8s.io", "resourceslices"),
    rule("create delete", "resource.k8s.io", "resourceclaims"),
    rule("patch update", "resource.k8s.io", "resourceclaims/binding"),
  ],
  "system:monitoring": [
    urls("get", "/flagz /healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/* /statusz"),
    rule("get", "core", "nodes/metrics"),
  ],
  "system:node": [
    rule("create", "authentication.k8s.io", "tokenreviews"),
    rule("create", "authorization.k8s.io", "localsubjectaccessreviews subjectaccessreviews"),
    read("core", "services"),
    rule("create get list watch", "core", "nodes"),
    rule("patch update", "core", "nodes/status"),
    rule("patch update", "core", "nodes"),
    events(),
    read("core", "pods"),
    rule("create delete", "core", "pods"),
    rule("patch update", "core", "pods/status"),
    rule("create", "core", "pods/eviction"),
    read("core", "configmaps secrets"),
    rule("get", "core", "persistentvolumeclaims persistentvolumes"),
    rule("get", "core", "endpoints"),
    rule("create get list watch", "certificates.k8s.io", "certificatesigningrequests"),
    rule("create delete get patch update", "coordination.k8s.io", "leases"),
    rule("get", "storage.k8s.io", "volumeattachments"),
    rule("create", "core", "serviceaccounts/token"),
    rule("get patch update", "core", "persistentvolumeclaims/status"),
    read("storage.k8s.io", "csidrivers"),
    rule("create delete get patch update", "storage.k8s.io", "csinodes"),
    read("node.k8s.io", "runtimeclasses"),
    rule("get", "resource.k8s.io", "resourceclaims"),
    rule("deletecollection", "resource.k8s.io", "resourceslices"),
    rule("get", "core", "serviceaccounts"),
  ],
  "system:node-bootstrapper": [rule("create get list watch", "certificates.k8s.io", "certificatesigningrequests")],
  "system:node-problem-detector": [rule("get", "core", "nodes"), rule("patch", "core", "nodes/status"), events()],
  "system:node-proxier": [
    rule("list watch", "core", "endpoints services"),
    read("core", "nodes"),
    events(),
    rule("list watch", "networking.k8s.io", "servicecidrs"),
    rule("list watch", "discovery.k8s.io", "endpointslices"),
  ],
  "system:persistent-volume-provisioner": [
    rule("create delete get list watch", "core", "persistentvolumes"),
    rule("get list update watch", "core", "persistentvolumeclaims"),
    read("storage.k8s.io", "storageclasses"),
    rule("watch", "core", "events"),
    events(),
  ],
  "system:public-info-viewer": [urls("get", "/healthz /livez /readyz /version /version/")],
  "system:service-account-issuer-discovery": [
    urls(
      "get",
      "/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/",
    ),
  ],
  "system:volume-scheduler": [
    rule("get list patch update watch", "core", "persistentvolumes"),
    read("storage.k8s.io", "storageclasses"),
    rule("get list patch update watch", "core", "persistentvolumeclaims"),
  ],
};
