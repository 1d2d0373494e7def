import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CertificateSigningRequest } from "../../api/types.ts";
import type { VirtualResource } from "../../apiserver/extension.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import { CERTIFICATE_SIGNING_REQUESTS } from "../../machinery/resources.ts";
import type { CertificateRequestContents, CertificateSigner } from "../../ports/certificate-signer.ts";
import { ADMIN } from "../../testing/api-server.ts";
import { type ControllerHost, startControllers } from "../../testing/controller-host.ts";
import { createCertificateApprovingController } from "./approving.ts";
import { createCertificateCleanerController } from "./cleaner.ts";
import { createCertificateSigningController } from "./signing.ts";

const CLIENT = ["digital signature", "client auth"];
const SERVING = ["digital signature", "server auth"];
const node: CertificateRequestContents = {
  commonName: "system:node:n1",
  organizations: ["system:nodes"],
  dnsNames: [],
  ipAddresses: [],
  emailAddresses: [],
  uris: [],
};

describe("certificate requests", () => {
  let host: ControllerHost;
  let contents = node;
  let allowed: readonly string[] = [];
  const signed: unknown[] = [];
  const signer: CertificateSigner = {
    inspect: async () => contents,
    async sign(order) {
      signed.push(order);
      return "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    },
  };
  /** Allows what the test says, whoever asks. */
  const reviews: VirtualResource = {
    definition: {
      group: "authorization.k8s.io",
      version: "v1",
      kind: "SubjectAccessReview",
      resource: "subjectaccessreviews",
      singular: "subjectaccessreview",
      namespaced: false,
      schema: "V1SubjectAccessReview",
    },
    async create(object) {
      const { resourceAttributes } = object["spec"] as { resourceAttributes: { subresource: string } };
      return { ...object, status: { allowed: allowed.includes(resourceAttributes.subresource) } };
    },
  };

  beforeEach(async () => {
    contents = node;
    allowed = [];
    signed.length = 0;
    host = await startControllers(
      (deps) => [
        createCertificateApprovingController(deps, {
          signer,
          namesOfNode: (name) => (name === "n1" ? ["n1", "10.0.0.1"] : undefined),
        }),
        createCertificateSigningController(deps, { signer }),
        createCertificateCleanerController(deps),
      ],
      {
        parts: () => ({
          virtualResources: [reviews],
          authenticate: async () => ADMIN,
        }),
      },
    );
  });
  afterEach(() => host.stop());

  const ask = (
    signerName: string,
    usages: readonly string[],
    more: Partial<CertificateSigningRequest["spec"]> = {},
  ): Promise<CertificateSigningRequest> =>
    host.client.create(
      CERTIFICATE_SIGNING_REQUESTS,
      {
        metadata: { name: "csr" },
        spec: {
          request: btoa("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"),
          signerName,
          usages,
          username: "system:node:n1",
          groups: ["system:nodes", "system:authenticated"],
          ...more,
        },
      },
      host.signal,
    );
  const status = async (): Promise<NonNullable<CertificateSigningRequest["status"]>> =>
    (await host.client.get(CERTIFICATE_SIGNING_REQUESTS, { name: "csr" }, host.signal)).status ?? {};
  const decision = async (): Promise<string | undefined> => {
    const [condition] = (await status()).conditions ?? [];
    return condition === undefined ? undefined : `${condition.type}: ${condition.message ?? ""}`;
  };

  it("of kubelets that may make them are approved and signed", async () => {
    allowed = ["selfnodeclient"];
    await ask("kubernetes.io/kube-apiserver-client-kubelet", CLIENT, { expirationSeconds: 3_600 });
    await host.until(async () => expect((await status()).certificate).toBeDefined());
    expect(await decision()).toBe(
      "Approved: Auto approving self kubelet client certificate after SubjectAccessReview.",
    );
    expect(signed).toEqual([expect.objectContaining({ usages: CLIENT, expirationSeconds: 3_600 })]);
    await host.clock.advance(3_601_000);
    await host.until(async () => hasReason(await status().catch((reason: unknown) => reason), "NotFound"));
  });

  it("nobody may approve stay pending", async () => {
    await ask("kubernetes.io/kube-apiserver-client-kubelet", CLIENT);
    await host.clock.advance(10_000);
    expect(await decision()).toBeUndefined();
  });

  it("for serving are approved for the known names of the node only", async () => {
    contents = { ...node, dnsNames: ["n1"], ipAddresses: ["10.0.0.1"] };
    await ask("kubernetes.io/kubelet-serving", SERVING);
    await host.until(async () => expect((await status()).certificate).toBeDefined());
    await host.client.delete(CERTIFICATE_SIGNING_REQUESTS, { name: "csr" }, host.signal);
    contents = { ...node, dnsNames: ["n1", "kubernetes.default.svc"] };
    await ask("kubernetes.io/kubelet-serving", SERVING);
    await host.clock.advance(10_000);
    expect(await decision()).toBeUndefined();
  });

  it("that break the signer's rules fail, also when somebody approved them", async () => {
    contents = { ...node, organizations: ["system:masters"] };
    const csr = await ask("kubernetes.io/kube-apiserver-client-kubelet", CLIENT);
    const conditions = [{ type: "Approved", status: "True", reason: "Me", message: "" }];
    await host.client.updateSubresource(
      CERTIFICATE_SIGNING_REQUESTS,
      "approval",
      { ...csr, status: { conditions } },
      host.signal,
    );
    await host.until(async () =>
      expect((await status()).conditions?.map(({ type, message }) => [type, message])).toContainEqual([
        "Failed",
        "subject organization is not system:nodes",
      ]),
    );
    expect((await status()).certificate).toBeUndefined();
    expect(signed).toEqual([]);
  });
});
