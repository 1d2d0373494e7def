import { encodeKubeletConfiguration, type KubeletConfiguration } from "../../../api/kubelet-configuration.ts";
import type { RouteHandler } from "../routes.ts";

/** The configuration in force, defaults and flags included. It holds no secrets: files and tokens are named, not shown. */
export function createConfigzHandler(configuration: KubeletConfiguration): RouteHandler {
  const encoded = encodeKubeletConfiguration(configuration);
  // Headers for fetching static pods may carry credentials.
  if ("staticPodURLHeader" in encoded) encoded["staticPodURLHeader"] = hideValues(encoded["staticPodURLHeader"]);
  const body = new TextEncoder().encode(JSON.stringify({ kubeletconfig: encoded }));
  const headers = { "content-type": "application/json", "x-content-type-options": "nosniff" };
  return async () => ({ status: 200, headers, body });
}

function hideValues(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.keys(value).map((name) => [name, ["<masked>"]]));
}
