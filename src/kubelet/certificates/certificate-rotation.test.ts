import { describe, expect, it } from "vitest";
import type { CertificateSigningRequest } from "../../api/types.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import type { CertificateKeys, CertificateWithKey, ParsedCertificate } from "../../ports/certificate-keys.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { quietLog, seededRandom } from "../../testing/quiet.ts";
import { createCertificateRotation } from "./certificate-rotation.ts";

const HOUR = 3_600_000;
const LIFE = 100 * HOUR;

/** A signer that approves at once, unless told otherwise; its certificates are JSON. */
function world(stored?: CertificateWithKey) {
  const clock = createFakeClock();
  const state = {
    requests: 0,
    failures: 0,
    ages: new Array<number>(),
    deny: false,
    addresses: ["10.0.0.1"],
    saved: stored,
  };
  const keys: CertificateKeys = {
    request: async (subject) => ({ privateKeyPem: "key", requestPem: JSON.stringify(subject) }),
    read: ({ certificatePem }) => JSON.parse(certificatePem) as ParsedCertificate,
  };
  const issue = (request: string): string => {
    const life = { notBefore: clock.now(), notAfter: clock.now() + LIFE };
    return btoa(JSON.stringify({ ...(JSON.parse(atob(request)) as object), ...life }));
  };
  let asked: CertificateSigningRequest | undefined;
  const client = {
    create: async (_resource: unknown, object: CertificateSigningRequest) => {
      state.requests += 1;
      asked = object;
      return { ...object, metadata: { name: `csr-${state.requests}` } };
    },
    get: async () => {
      if (state.deny) return { ...asked, status: { conditions: [{ type: "Denied", status: "True", reason: "No" }] } };
      return { ...asked, status: { certificate: issue(asked?.spec.request ?? "") } };
    },
  } as unknown as Pick<ClusterClient, "create" | "get">;
  const rotation = createCertificateRotation(
    {
      client,
      keys,
      clock,
      random: seededRandom(7),
      log: quietLog(),
      store: {
        load: async () => state.saved,
        save: async (certificate) => {
          state.saved = certificate;
        },
      },
    },
    {
      name: "serving certificate",
      signerName: "kubernetes.io/kubelet-serving",
      usages: ["digital signature", "server auth"],
      subject: () => ({
        commonName: "system:node:a",
        organizations: ["system:nodes"],
        dnsNames: ["a"],
        ipAddresses: state.addresses,
      }),
    },
  );
  rotation.observe({
    failed: () => (state.failures += 1),
    rotated: (ageSeconds) => state.ages.push(ageSeconds),
  });
  const stop = new AbortController();
  const running = rotation.unit.run(stop.signal, () => undefined);
  /** In steps, so that each pause of the unit ends at its own time. */
  const pass = async (milliseconds: number): Promise<void> => {
    for (let left = milliseconds; left > 0; left -= HOUR / 2) {
      await clock.untilSleepers(1);
      await clock.advance(Math.min(left, HOUR / 2));
    }
    await clock.untilSleepers(1);
  };
  return {
    state,
    rotation,
    clock,
    pass,
    stop: async () => {
      stop.abort();
      await running;
    },
  };
}

describe("createCertificateRotation()", () => {
  it("gets a certificate, keeps it for most of its life, and has the next one before the end", async () => {
    const { state, rotation, pass, stop } = world();
    await pass(1_000);
    expect([state.requests, rotation.current() === state.saved]).toEqual([1, true]);
    const first = state.saved;
    await pass(69 * HOUR);
    expect(state.requests).toBe(1);
    await pass(22 * HOUR);
    expect(state.requests).toBe(2);
    expect(rotation.current()).toBe(state.saved);
    expect(state.saved).not.toBe(first);
    expect(state.ages).toEqual([expect.closeTo(80 * 3_600, -5)]);
    await stop();
  });

  it("asks anew when the node's addresses change", async () => {
    const { state, pass, stop } = world();
    await pass(1_000);
    state.addresses = ["10.0.0.2"];
    await pass(HOUR);
    expect(state.requests).toBe(2);
    expect(state.saved?.certificatePem).toContain("10.0.0.2");
    await stop();
  });

  it("keeps trying while it is denied, and uses what it has until that runs out", async () => {
    const { state, rotation, pass, stop } = world();
    await pass(1_000);
    state.deny = true;
    await pass(95 * HOUR);
    expect(state.failures).toBeGreaterThan(10);
    expect(state.requests).toBe(state.failures + 1);
    expect(rotation.current()).toBe(state.saved);
    await pass(10 * HOUR);
    expect(rotation.current()).toBeUndefined();
    state.deny = false;
    await pass(HOUR);
    expect(rotation.current()).toBe(state.saved);
    await stop();
  });

  it("continues with the stored certificate after a restart", async () => {
    const before = world();
    await before.pass(1_000);
    await before.stop();
    const { state, rotation, pass, stop } = world(before.state.saved);
    await pass(1_000);
    expect([state.requests, rotation.current()]).toEqual([0, before.state.saved]);
    await stop();
  });
});
