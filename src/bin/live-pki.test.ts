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
    await clock.untilSleepers(1);
    await clock.advance(DAY);
    expect(seen).toEqual([]);
    expect(live.current()).toBe(first);

    for (let turns = 0; seen.length === 0 && turns < 10_000; turns++) {
      await new Promise((done) => setImmediate(done));
      if (clock.sleepers() > 0 && clock.now() < first.apiServer.notAfter) await clock.advance(DAY);
    }
    expect(seen[0]).toBeGreaterThan(first.apiServer.notAfter);
    expect(live.current().kubeletServing.certificatePem).not.toBe(first.kubeletServing.certificatePem);
    expect(live.current().authorityPem).toBe(first.authorityPem);
    expect(await readFile(live.current().admin.certificatePath, "utf8")).toBe(live.current().admin.certificatePem);
    stop.abort();
    await running;
  });
});
