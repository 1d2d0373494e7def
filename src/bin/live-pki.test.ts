import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ensureClusterPki } from "../adapters/tls/cluster-pki.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { quietLog } from "../testing/quiet.ts";
import { createLivePki } from "./live-pki.ts";

const DAY = 24 * 3_600_000;
let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "orlop-pki-"));
});
afterEach(() => rm(directory, { recursive: true }));

describe("createLivePki()", () => {
  it("renews every certificate of a running process before it expires, and says so", async () => {
    const clock = createFakeClock();
    const ensure = () =>
      ensureClusterPki({
        directory,
        nodeName: "a",
        apiServerNames: ["10.0.0.1"],
        nodeAddresses: ["10.0.0.1"],
        serviceAddress: "10.96.0.1",
        now: clock.now(),
      });
    const first = await ensure();
    const live = createLivePki({ clock, log: quietLog() }, first, ensure);
    const stop = new AbortController();
    const seen: number[] = [];
    live.onChange(({ apiServer }) => seen.push(apiServer.notAfter));
    const running = live.unit.run(stop.signal, () => undefined);
    const pass = async (days: number): Promise<void> => {
      await expect.poll(() => clock.sleepers()).toBe(1);
      await clock.advance(days * DAY);
    };
    await pass(1);
    await expect.poll(() => clock.sleepers()).toBe(1);
    expect(seen).toEqual([]);
    expect(live.current()).toBe(first);

    await pass(300);
    await pass(1);
    await expect.poll(() => seen.length).toBe(1);
    expect(seen[0]).toBeGreaterThan(first.apiServer.notAfter);
    expect(live.current().kubeletServing.certificatePem).not.toBe(first.kubeletServing.certificatePem);
    expect(live.current().authorityPem).toBe(first.authorityPem);
    expect(await readFile(live.current().admin.certificatePath, "utf8")).toBe(live.current().admin.certificatePem);
    stop.abort();
    await running;
  });
});
