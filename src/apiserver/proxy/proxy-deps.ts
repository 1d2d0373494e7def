import type { HttpClient } from "../../ports/http-client.ts";
import type { Random } from "../../ports/random.ts";
import type { Objects } from "../extension.ts";
import type { CreatePermissionDeps } from "./create-permission.ts";
import type { ObserveStreams } from "./stream-metrics.ts";

export interface ProxyDeps extends CreatePermissionDeps {
  readonly observe?: ObserveStreams;
  readonly objects: Pick<Objects, "get">;
  readonly random: Pick<Random, "fraction">;
  /** With the API server's identity towards kubelets, whose certificates are verified. */
  readonly kubelet: HttpClient;
  /** The same without verifying, for logs with insecureSkipTLSVerifyBackend. */
  readonly kubeletUnverified: HttpClient;
  /** Towards pods and services: no identity of ours, and certificates are not verified, as upstream. */
  readonly backend: HttpClient;
}
