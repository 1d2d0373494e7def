import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createImageStore, type ImageStore, type NewImage } from "./image-store.ts";
import { serveRegistry } from "./local-registry.ts";
import type { TarEntry } from "./tar.ts";

let folder = "";
let store: ImageStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "orlop-images-"));
  store = createImageStore({ folder, architecture: "amd64" });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function image(names: readonly string[], text: string): NewImage {
  const size = Buffer.byteLength(text);
  const entry: TarEntry = { type: "file", path: "f", mode: 0o644, size, content: Readable.from([Buffer.from(text)]) };
  return { names, config: { Cmd: ["/f"] }, layer: Readable.from([entry]) };
}

const sha256 = (data: Buffer): string => `sha256:${createHash("sha256").update(data).digest("hex")}`;
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, with: () => silent };

describe("image store", () => {
  it("describes every part by its real digest and size", async () => {
    const manifest = await store.add(image(["docker.io/library/one:latest"], "one"));
    const read = async (digest: string): Promise<Buffer> => {
      const blob = await store.blob(digest);
      const data = readFileSync(blob?.file ?? "");
      expect(sha256(data)).toBe(digest);
      expect(blob?.size).toBe(data.length);
      return data;
    };
    const parts = JSON.parse((await read(manifest.digest)).toString());
    const config = JSON.parse((await read(parts.config.digest)).toString());
    const layer = await read(parts.layers[0].digest);
    expect(config).toMatchObject({ architecture: "amd64", os: "linux", config: { Cmd: ["/f"] } });
    expect(config.rootfs.diff_ids).toEqual([sha256(gunzipSync(layer))]);
    expect(readdirSync(folder).toSorted()).toEqual(["blobs", "index.json", "oci-layout"]);
  });

  it("moves a name to the newer image and keeps the others", async () => {
    const first = await store.add(image(["a:1", "a:latest"], "first"));
    const second = await store.add(image(["a:2", "a:latest"], "second"));
    const known = await store.list();
    expect([...known].map(([name, { digest }]) => [name, digest])).toEqual([
      ["a:1", first.digest],
      ["a:latest", second.digest],
      ["a:2", second.digest],
    ]);
  });

  it("gives no file for anything that is not a digest", async () => {
    expect(await store.blob("sha256:../../index.json")).toBeUndefined();
    expect(await store.blob(`sha256:${"0".repeat(64)}`)).toBeUndefined();
  });

  it("refuses to archive an image it does not hold", async () => {
    await expect(Readable.from(store.archive(["missing:latest"])).toArray()).rejects.toMatchObject({
      code: "NotFound",
    });
  });
});

describe("serveRegistry()", () => {
  it("serves manifests by tag and digest, blobs, and says 404 for the rest", async () => {
    const manifest = await store.add(image(["docker.io/library/one:latest"], "one"));
    const registry = await serveRegistry({ store, log: silent });
    try {
      const get = async (path: string, method = "GET") => fetch(`${registry.address}${path}`, { method });
      expect((await get("/v2/")).status).toBe(200);
      const byTag = await get("/v2/library/one/manifests/latest?ns=docker.io", "HEAD");
      expect(byTag.headers.get("docker-content-digest")).toBe(manifest.digest);
      expect(byTag.headers.get("content-length")).toBe(String(manifest.size));
      const byDigest = await get(`/v2/library/one/manifests/${manifest.digest}?ns=docker.io`);
      expect(byDigest.headers.get("content-type")).toBe("application/vnd.oci.image.manifest.v1+json");
      const { layers } = (await byDigest.json()) as { layers: { digest: string; size: number }[] };
      const layer = await (await get(`/v2/library/one/blobs/${layers[0]?.digest}`)).arrayBuffer();
      expect(layer.byteLength).toBe(layers[0]?.size);
      expect((await get("/v2/library/one/manifests/latest?ns=quay.io")).status).toBe(404);
      expect((await get("/v2/library/one/blobs/sha256:00")).status).toBe(404);
      expect((await get("/v2/library/one/manifests/latest?ns=docker.io", "PUT")).status).toBe(405);
    } finally {
      await registry.close();
    }
  });
});
