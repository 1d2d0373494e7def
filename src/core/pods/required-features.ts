import type { Node, PodSpec } from "../../api/types.ts";

/** What nodes declare to be able to, by the names in `node.status.declaredFeatures`, and how a pod shows that it needs it. */
const FEATURES: readonly { readonly name: string; readonly isNeededBy: (spec: PodSpec) => boolean }[] = [
  {
    name: "RestartAllContainersOnContainerExits",
    isNeededBy: ({ containers = [], initContainers = [] }) =>
      [...initContainers, ...containers].some(({ restartPolicyRules = [] }) =>
        restartPolicyRules.some(({ action }) => action === "RestartAllContainers"),
      ),
  },
  {
    name: "UserNamespacesHostNetworkSupport",
    isNeededBy: ({ hostNetwork, hostUsers }) => hostNetwork === true && hostUsers === false,
  },
];

/** Features a pod needs that the node does not declare, sorted (KEP-5328). */
export function missingFeatures(spec: PodSpec, node: Node): readonly string[] {
  const declared = node.status?.declaredFeatures ?? [];
  return FEATURES.filter(({ name, isNeededBy }) => isNeededBy(spec) && !declared.includes(name)).map(
    ({ name }) => name,
  );
}
