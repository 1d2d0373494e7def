import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runtimeConformance } from "../../ports/container-runtime.conformance.ts";
import { createCriRuntime } from "./runtime.ts";

/** A runtime's socket, e.g. unix:///run/containerd/containerd.sock; the image must be there. */
const endpoint = process.env["ORLOP_TEST_CRI_ENDPOINT"] ?? "";
const image = process.env["ORLOP_TEST_CRI_IMAGE"] ?? "busybox:1.36";

if (endpoint === "") {
  describe("CRI runtime", () => {
    it.skip("conformance (set ORLOP_TEST_CRI_ENDPOINT to the socket of a container runtime)", () => undefined);
  });
} else {
  const runtime = createCriRuntime({ endpoint });
  runtimeConformance("CRI", {
    create: async () => runtime,
    image,
    logRoot: mkdtempSync(join(tmpdir(), "orlop-cri-")),
  });
}

describe("createCriRuntime()", () => {
  it("fails with Unavailable at once when nobody listens", async ({ signal }) => {
    const runtime = createCriRuntime({ endpoint: "unix:///nonexistent/orlop-test.sock" });
    await expect(runtime.observer.version(signal)).rejects.toMatchObject({ code: "Unavailable", retry: "backoff" });
    runtime.close();
  });
});
