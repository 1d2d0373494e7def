import { OrlopError } from "../../lib/orlop-error.ts";
import type { ClientRequest } from "../../ports/http-client.ts";

/** Where the runtime's streaming server waits for one session. */
export type RuntimeLocation = Pick<ClientRequest, "scheme" | "host" | "port" | "target">;

/** Takes the one-time URL of the runtime apart. Throws OrlopError Internal when it is none. */
export function parseRuntimeLocation(text: string): RuntimeLocation {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    // The URL holds the session's token; it is not repeated.
    throw new OrlopError("Internal", "The container runtime returned a streaming address that is no http or https URL");
  }
  const scheme = url.protocol === "https:" ? "https" : "http";
  const port = url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port);
  return { scheme, host: url.hostname.replace(/^\[|\]$/g, ""), port, target: `${url.pathname}${url.search}` };
}
