import { createReadStream } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import type { Log } from "../../ports/log.ts";
import type { Descriptor, ImageStore } from "./image-store.ts";

export interface LocalRegistry {
  /** Base address, such as http://127.0.0.1:41234. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Serves an image store as a read-only registry on the loopback address, for use as a mirror of every registry: a runtime
 * asks it first, so a pod whose pull policy is Always works with a locally built image, and goes to the real registry for
 * what is not here. Speaks the pull half of the OCI distribution specification.
 */
export async function serveRegistry(
  deps: { readonly store: ImageStore; readonly log: Log },
  options: { readonly port?: number } = {},
): Promise<LocalRegistry> {
  const server = createServer((request, response) => {
    answer(deps.store, { method: request.method ?? "", url: request.url ?? "" }, response).catch((cause: unknown) => {
      deps.log.warn("the local registry could not serve a request", { url: request.url, error: String(cause) });
      if (response.headersSent) response.destroy();
      else refuse(response, 500, "UNKNOWN");
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port: options.port ?? 0 }, resolve);
  });
  server.unref();
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}`,
    close: async () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const MANIFEST = /^\/v2\/(.+)\/manifests\/([^/]+)$/;
const BLOB = /^\/v2\/.+\/blobs\/([^/]+)$/;

async function answer(
  store: ImageStore,
  request: { readonly method: string; readonly url: string },
  response: ServerResponse,
): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD") return refuse(response, 405, "UNSUPPORTED");
  const url = new URL(request.url, "http://localhost");
  if (url.pathname === "/v2/" || url.pathname === "/v2") {
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
    return;
  }
  const manifest = MANIFEST.exec(url.pathname);
  if (manifest?.[1] !== undefined && manifest[2] !== undefined) {
    const found = await findManifest(store, `${url.searchParams.get("ns") ?? "docker.io"}/${manifest[1]}`, manifest[2]);
    return found === undefined
      ? refuse(response, 404, "MANIFEST_UNKNOWN")
      : send(store, request.method, found, response);
  }
  const digest = BLOB.exec(url.pathname)?.[1];
  if (digest === undefined) return refuse(response, 404, "NAME_UNKNOWN");
  return send(store, request.method, { digest, mediaType: "application/octet-stream" }, response);
}

async function findManifest(store: ImageStore, repository: string, reference: string): Promise<Descriptor | undefined> {
  const images = await store.list();
  if (!reference.includes(":")) return images.get(`${repository}:${reference}`);
  for (const [name, manifest] of images) {
    if (manifest.digest === reference && name.startsWith(`${repository}:`)) return manifest;
  }
  return undefined;
}

async function send(
  store: ImageStore,
  method: string,
  what: Pick<Descriptor, "digest" | "mediaType">,
  response: ServerResponse,
): Promise<void> {
  const blob = await store.blob(what.digest);
  if (blob === undefined) return refuse(response, 404, "BLOB_UNKNOWN");
  response.writeHead(200, {
    "content-type": what.mediaType,
    "content-length": blob.size,
    "docker-content-digest": what.digest,
  });
  if (method === "HEAD") response.end();
  else await pipeline(createReadStream(blob.file), response);
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ errors: [{ code, message: code.toLowerCase().replaceAll("_", " ") }] }));
}
