import type { PolicyRule } from "../../../api/types.ts";
import { events, read, rule } from "./notation.ts";

/** Default Roles, by namespace and name. */
export const NAMESPACE_ROLES: Readonly<Record<string, Readonly<Record<string, readonly PolicyRule[]>>>> = {
  "kube-public": {
    "system:controller:bootstrap-signer": [
      read("core", "configmaps"),
      rule("update", "core", "configmaps", "cluster-info"),
      events(),
    ],
  },
  "kube-system": {
    "extension-apiserver-authentication-reader": [read("core", "configmaps", "extension-apiserver-authentication")],
    "system::leader-locking-kube-controller-manager": [
      rule("create get list update watch", "coordination.k8s.io", "leases"),
      rule("create get list update watch", "coordination.k8s.io", "leasecandidates"),
    ],
    "system::leader-locking-kube-scheduler": [
      rule("create get list update watch", "coordination.k8s.io", "leases"),
      rule("create get list update watch", "coordination.k8s.io", "leasecandidates"),
    ],
    "system:controller:bootstrap-signer": [read("core", "secrets")],
    "system:controller:cloud-provider": [rule("create get list watch", "core", "configmaps")],
    "system:controller:token-cleaner": [rule("delete get list watch", "core", "secrets"), events()],
  },
};
