import { describe, expect, it } from "vitest";
import { decideUserNamespace } from "./host-users.ts";

const handlers = [
  { name: "", userNamespaces: true },
  { name: "kata", userNamespaces: false },
];
const decide = (input: Partial<Parameters<typeof decideUserNamespace>[0]>) =>
  decideUserNamespace({ hostUsers: false, gateEnabled: true, handlers, handler: "", ...input });

describe("decideUserNamespace()", () => {
  it("gives own IDs only when they are asked for", () => {
    expect(decide({})).toEqual({ mode: "pod" });
    expect(decide({ hostUsers: true })).toEqual({ mode: "node" });
    expect(decide({ hostUsers: undefined })).toEqual({ mode: "node" });
  });

  it.each([
    [{ handlers: [] }, "can't set `spec.hostUsers: false`, runtime does not support user namespaces"],
    [
      { handler: "kata" },
      'can\'t set `spec.hostUsers: false`, RuntimeClass handler "kata" does not support user namespaces',
    ],
    [
      { handler: "x" },
      'can\'t set `spec.hostUsers: false`, RuntimeClass handler "x" does not support user namespaces: the handler "x" is not known',
    ],
    [{ gateEnabled: false }, `the feature gate "UserNamespacesSupport" is disabled: can't set spec.HostUsers`],
    [
      { gateEnabled: false, hostUsers: true },
      `the feature gate "UserNamespacesSupport" is disabled: can't set spec.HostUsers`,
    ],
  ])("refuses rather than running unprotected: %j", (input, reason) => {
    expect(decide(input)).toEqual({ mode: "refused", reason });
  });

  it("leaves pods alone that say nothing while the gate is off", () => {
    expect(decide({ gateEnabled: false, hostUsers: undefined })).toEqual({ mode: "node" });
  });
});
