import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Secret } from "../../api/types.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import { SECRETS, SERVICE_ACCOUNTS } from "../../machinery/resources.ts";
import { type ControllerHost, startControllers } from "../../testing/controller-host.ts";
import { createServiceAccountTokenController } from "./service-account-token.ts";

describe("createServiceAccountTokenController()", () => {
  let host: ControllerHost;
  const asked: unknown[] = [];
  beforeEach(async () => {
    asked.length = 0;
    host = await startControllers((deps) => [createServiceAccountTokenController(deps, { rootCa: "PEM" })], {
      parts: () => ({
        subresources: [
          {
            group: "",
            version: "v1",
            resource: "serviceaccounts",
            subresource: "token",
            namespaced: true,
            kind: { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" },
            verbs: ["create"],
            async handle({ request }) {
              asked.push(JSON.parse(new TextDecoder().decode(await request.body(10_000))).spec);
              return { status: 201, headers: {}, body: JSON.stringify({ status: { token: "the-token" } }) };
            },
          },
        ],
      }),
    });
  });
  afterEach(() => host.stop());

  const at = { namespace: "default", name: "robot" };
  const secret = (): Promise<Secret> => host.client.get(SECRETS, at, host.signal);

  it("fills a secret and deletes it with its account", async () => {
    const account = await host.client.create(SERVICE_ACCOUNTS, { metadata: at }, host.signal);
    const annotations = { "kubernetes.io/service-account.name": "robot" };
    const type = "kubernetes.io/service-account-token";
    const made = await host.client.create(SECRETS, { metadata: { ...at, annotations }, type }, host.signal);
    await host.until(async () =>
      expect((await secret()).data).toEqual({
        token: btoa("the-token"),
        "ca.crt": btoa("PEM"),
        namespace: btoa("default"),
      }),
    );
    expect((await secret()).metadata?.annotations?.["kubernetes.io/service-account.uid"]).toBe(account.metadata?.uid);
    expect(asked).toEqual([
      expect.objectContaining({
        boundObjectRef: { apiVersion: "v1", kind: "Secret", name: "robot", uid: made.metadata?.uid },
      }),
    ]);
    await host.client.delete(SERVICE_ACCOUNTS, at, host.signal);
    await host.until(async () => hasReason(await secret().catch((reason: unknown) => reason), "NotFound"));
  });
});
