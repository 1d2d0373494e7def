import { describe, expect, it } from "vitest";
import { createFeatureGates } from "../../api/feature-gates.ts";
import { defaultKubeletConfiguration } from "../../api/kubelet-configuration.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import type { HttpRequest } from "../../ports/http.ts";
import type { Log } from "../../ports/log.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import type { CheckAccess } from "../server/access.ts";
import { createKubeletAccess, type KubeletAccessOptions } from "./kubelet-access.ts";

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => quiet };
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
      log: quiet,
      observeReview: (kind, code) => reviews.push(`${kind} ${code}`),
    },
    { nodeName: "node-1", authentication, authorization, connectMode: "enforce", ...change },
  );
  return { check, reviews };
}

function request(path: string, headers: HttpRequest["headers"] = {}): HttpRequest {
  return {
    method: "GET",
    target: path,
    path,
    query: new URLSearchParams(),
    headers,
    httpVersion: "1.1",
    peer: { address: "10.0.0.9", port: 1, certificates: [], encrypted: true },
    signal: new AbortController().signal,
    body: async () => new Uint8Array(),
  };
}

describe("createKubeletAccess", () => {
  it("guards with reviews by default, and nobody is anonymous", async () => {
    const { check, reviews } = setUp();
    expect(await check(request("/metrics"))).toEqual({ access: "unauthenticated" });
    const headers = { authorization: "Bearer t" };
    expect(await check(request("/metrics", headers))).toMatchObject({ access: "granted", subresource: "metrics" });
    expect(await check(request("/pods", headers))).toMatchObject({ access: "forbidden" });
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
    await expect(check(request("/pods"))).resolves.toMatchObject({ access: "granted" });
  });
});
