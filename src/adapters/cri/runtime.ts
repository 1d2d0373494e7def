import type { Runtime } from "../../ports/container-runtime.ts";
import { createCriCalls } from "./calls.ts";
import { createGrpcConnection } from "../grpc/connection.ts";
import { createCriCheckpoints } from "./checkpoints.ts";
import { createCriContainers } from "./containers.ts";
import { createCriImages } from "./images.ts";
import { createCriObserver } from "./observer.ts";
import { createCriSandboxes } from "./sandboxes.ts";
import { createCriStreaming } from "./streaming.ts";

export interface CriRuntimeOptions {
  /** Socket of the runtime, e.g. "unix:///run/containerd/containerd.sock". */
  readonly endpoint: string;
  /** Socket of the image service. @default endpoint */
  readonly imageEndpoint?: string;
  /** Usual deadline of a call in milliseconds (runtimeRequestTimeout). @default 120000 */
  readonly requestTimeoutMs?: number;
}

export interface CriRuntime extends Runtime {
  /** Ends running calls and the connection. A later call connects again. */
  close(): void;
}

const DEFAULT_TIMEOUT_MS = 120_000;

/**
 * A container runtime over CRI v1. Connects at the first call; while the runtime is away calls fail with Unavailable at
 * once, and the connection comes back by itself.
 */
export function createCriRuntime(options: CriRuntimeOptions): CriRuntime {
  const timeoutMs = options.requestTimeoutMs ?? DEFAULT_TIMEOUT_MS;
  const connection = createGrpcConnection(options.endpoint);
  const shared = options.imageEndpoint === undefined || options.imageEndpoint === options.endpoint;
  const imageConnection = shared ? connection : createGrpcConnection(options.imageEndpoint ?? options.endpoint);
  const calls = createCriCalls(connection, timeoutMs);
  return {
    sandboxes: createCriSandboxes(calls),
    containers: createCriContainers(calls),
    streaming: createCriStreaming(calls),
    checkpoints: createCriCheckpoints(calls),
    images: createCriImages(createCriCalls(imageConnection, timeoutMs)),
    observer: createCriObserver(calls, connection),
    close() {
      connection.close();
      if (!shared) imageConnection.close();
    },
  };
}
