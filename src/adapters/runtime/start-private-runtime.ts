import { join, resolve } from "node:path";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import { createPackageSource, type PackageSource } from "../debian/package-source.ts";
import { buildImage } from "../images/build-image.ts";
import { IMAGE_DEFINITIONS, SANDBOX_IMAGE } from "../images/definitions.ts";
import { createImageStore, type ImageStore } from "../images/image-store.ts";
import { serveRegistry } from "../images/local-registry.ts";
import { provisionRuntime, RUNTIME_PACKAGES } from "./provision-runtime.ts";
import { runtimeLayout } from "./runtime-layout.ts";
import { type RunningContainerd, startContainerd } from "./start-containerd.ts";

/** Downloads and locally built images; shared by all data directories, safe to delete while nothing runs. */
export const DEFAULT_CACHE_FOLDER = "/var/cache/orlop";

export interface PrivateRuntimeDeps {
  readonly log: Log;
  readonly clock: Clock;
}

export interface PrivateRuntimeOptions {
  readonly dataDir: string;
  /** @default DEFAULT_CACHE_FOLDER */
  readonly cacheFolder?: string;
  readonly signal: AbortSignal;
}

export interface PrivateRuntime extends Pick<RunningContainerd, "endpoint" | "podRange" | "adopted" | "pid"> {
  /** Stops containerd and the local registry. Containers keep running; the next start on the same data continues them. */
  stop(signal: AbortSignal): Promise<void>;
}

/**
 * The container runtime of one data directory: provisioned when it is not there yet, started or adopted, with the sandbox
 * image and every locally built image within its reach.
 */
export async function startPrivateRuntime(
  deps: PrivateRuntimeDeps,
  options: PrivateRuntimeOptions,
): Promise<PrivateRuntime> {
  const { signal } = options;
  const cacheFolder = options.cacheFolder ?? DEFAULT_CACHE_FOLDER;
  const layout = runtimeLayout(resolve(options.dataDir));
  const packages = createPackageSource({ log: deps.log }, { cacheFolder });
  const shared = join(cacheFolder, "runtime");
  const software = await provisionRuntime({ packages, log: deps.log }, { software: layout.software, shared, signal });
  const store = localImageStore(cacheFolder);
  await ensureSandboxImage({ packages, store, log: deps.log }, { cacheFolder, signal });
  const registry = await serveRegistry({ store, log: deps.log });
  try {
    const containerd = await startContainerd(deps, {
      layout,
      software,
      sandboxImage: SANDBOX_IMAGE,
      localRegistry: registry.address,
      signal,
    });
    return {
      ...containerd,
      stop: async (stopSignal) => {
        await registry.close();
        await containerd.stop(stopSignal);
      },
    };
  } catch (cause) {
    await registry.close();
    throw cause;
  }
}

/** The store of locally built images inside a cache folder. */
export function localImageStore(cacheFolder: string): ImageStore {
  const architecture = process.arch === "arm64" ? "arm64" : "amd64";
  return createImageStore({ folder: join(cacheFolder, "images"), architecture });
}

async function ensureSandboxImage(
  deps: { readonly packages: PackageSource; readonly store: ImageStore; readonly log: Log },
  options: { readonly cacheFolder: string; readonly signal: AbortSignal },
): Promise<void> {
  const definition = IMAGE_DEFINITIONS["pause"];
  if (definition === undefined || (await deps.store.list()).has(SANDBOX_IMAGE)) return;
  deps.log.info("building the sandbox image", { image: SANDBOX_IMAGE });
  // Its package came with the runtime's; asking for the same set again needs no second look at the archive.
  const packages: PackageSource = {
    unpack: async (request) => deps.packages.unpack({ ...request, packages: RUNTIME_PACKAGES }),
  };
  await buildImage({ packages, store: deps.store }, definition, {
    workFolder: join(options.cacheFolder, "work"),
    signal: options.signal,
  });
}
