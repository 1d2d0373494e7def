import { describe, expect, it } from "vitest";
import { createFeatureGates } from "../../api/feature-gates.ts";
import { defaultKubeletConfiguration } from "../../api/kubelet-configuration.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { plainRequest } from "../../testing/plain-request.ts";
import { quietLog } from "../../testing/quiet.ts";
import type { CheckAccess } from "../server/access.ts";
import { createKubeletAccess, type KubeletAccessOptions } from "./kubelet-access.ts";

const { authentication, authorization } = defaultKubeletConfiguration();

function setUp(change: Partial<KubeletAccessOptions> = {}, withClient = true) {
  const reviews: string[] = [];
  const create = async (resource: { readonly kind: string }, object: object) => {
    const status =
      resource.kind === "TokenReview"
        ? { authenticated: true, user: { username: "jane", groups: [] } }
        : { allowed: JSON.stringify(object).includes('"metrics"') };
    return { ...object, status };
  };
  const client = { create } as unknown as Pick<ClusterClient, "create">;
  const check: CheckAccess = createKubeletAccess(
    {
      ...(withClient && { client }),
      gates: createFeatureGates(),
      clock: createFakeClock(),
      random: { bytes: () => new Uint8Array(), uuid: () => "", fraction: () => 0 },
      log: quietLog(),
      observeReview: (kind, code) => reviews.push(`${kind} ${code}`),
    },
    { nodeName: "node-1", authentication, authorization, connectMode: "enforce", ...change },
  );
  return { check, reviews };
}

describe("createKubeletAccess", () => {
  it("guards with reviews by default, and nobody is anonymous", async () => {
    const { check, reviews } = setUp();
    expect(await check(plainRequest("/metrics"))).toEqual({ access: "unauthenticated" });
    const headers = { authorization: "Bearer t" };
    expect(await check(plainRequest("/metrics", headers))).toMatchObject({ access: "granted", subresource: "metrics" });
    expect(await check(plainRequest("/pods", headers))).toMatchObject({ access: "forbidden" });
    expect(reviews).toEqual(["authn 201", "authz 201", "authz 201", "authz 201"]);
  });

  it.each([
    [{ authorization: { ...authorization, mode: "" } }, "no authorization mode specified"],
    [{ authorization: { ...authorization, mode: "RBAC" } }, "unknown authorization mode RBAC"],
    [
      { authentication: { ...authentication, webhook: { ...authentication.webhook, enabled: false } } },
      "no authentication method configured",
    ],
  ])("refuses %#", (change, text) => {
    expect(() => setUp(change as Partial<KubeletAccessOptions>)).toThrow(text);
  });

  it("needs an API server for what it asks there", async () => {
    expect(() => setUp({}, false)).toThrow("no client provided, cannot use webhook authentication");
    const open = {
      authentication: {
        ...authentication,
        webhook: { ...authentication.webhook, enabled: false },
        anonymous: { enabled: true },
      },
    };
    expect(() => setUp(open, false)).toThrow("no client provided, cannot use webhook authorization");
    const { check } = setUp({ ...open, authorization: { ...authorization, mode: "AlwaysAllow" } }, false);
    await expect(check(plainRequest("/pods"))).resolves.toMatchObject({ access: "granted" });
  });
});
