import { describe, expect, it } from "vitest";
import type { Node, PodSpec } from "../../api/types.ts";
import { missingFeatures } from "./required-features.ts";

const RESTART_ALL = "RestartAllContainersOnContainerExits";
const USERS_IN_HOST_NETWORK = "UserNamespacesHostNetworkSupport";
const declaring = (...declaredFeatures: string[]): Node => ({ metadata: { name: "n" }, status: { declaredFeatures } });
const restartAll: PodSpec = {
  containers: [{ name: "c", image: "i" }],
  initContainers: [
    {
      name: "i",
      image: "i",
      restartPolicy: "Never",
      restartPolicyRules: [{ action: "RestartAllContainers", exitCodes: { operator: "In", values: [3] } }],
    },
  ],
};
const ownUsers: PodSpec = { containers: [], hostNetwork: true, hostUsers: false };

describe("missingFeatures()", () => {
  it.each<[string, PodSpec, Node, readonly string[]]>([
    ["a plain pod", { containers: [] }, { metadata: { name: "n" } }, []],
    ["the host's network alone", { containers: [], hostNetwork: true }, declaring(), []],
    ["own users alone", { containers: [], hostUsers: false }, declaring(), []],
    ["own users in the host's network", ownUsers, declaring("ExtendWebSocketsToKubelet"), [USERS_IN_HOST_NETWORK]],
    ["the same where it is declared", ownUsers, declaring(USERS_IN_HOST_NETWORK), []],
    ["a restart of all containers", restartAll, declaring(), [RESTART_ALL]],
    ["the same where it is declared", restartAll, declaring(RESTART_ALL), []],
    ["both", { ...restartAll, ...ownUsers, containers: [] }, declaring(), [RESTART_ALL, USERS_IN_HOST_NETWORK]],
  ])("of %s", (_, spec, node, missing) => {
    expect(missingFeatures(spec, node)).toEqual(missing);
  });
});
