import { describe, expect, it } from "vitest";
import { createFeatureGates } from "../api/feature-gates.ts";
import { declaredFeaturesOf } from "./kubelet-settings.ts";

describe("declaredFeaturesOf()", () => {
  const able = { userNamespacesHostNetwork: true };
  const unable = { userNamespacesHostNetwork: false };
  const features = (settings: Readonly<Record<string, boolean>>, runtime: typeof able): readonly string[] =>
    declaredFeaturesOf(createFeatureGates({ settings: [new Map(Object.entries(settings))] }), runtime);

  it("names what is built and on", () => {
    expect(features({}, able)).toEqual(["ExtendWebSocketsToKubelet"]);
  });

  it("names own users in the host's network where both the gate and the runtime allow it", () => {
    const on = { UserNamespacesHostNetworkSupport: true };
    const both = ["ExtendWebSocketsToKubelet", "UserNamespacesHostNetworkSupport"];
    expect(features(on, able)).toEqual(both);
    expect(features(on, unable)).toEqual(["ExtendWebSocketsToKubelet"]);
  });
});
