import type { Container, EphemeralContainer, LifecycleHandler } from "../../api/types.ts";
import { resolvePort } from "../../core/pods/container-port.ts";
import { ok, type Result } from "../../lib/result.ts";
import type { HttpProbe } from "../../ports/network-prober.ts";

type HttpGetAction = NonNullable<LifecycleHandler["httpGet"]>;

/** The request an httpGet action of a probe or hook makes; a failure is a port nobody knows. */
export function httpAction(
  action: HttpGetAction,
  container: Container | EphemeralContainer,
  podIp: string,
  userAgent: string,
): Result<HttpProbe> {
  const port = resolvePort(action.port, container);
  if (!port.ok) return port;
  return ok({
    scheme: action.scheme?.toUpperCase() === "HTTPS" ? "https" : "http",
    host: action.host === undefined || action.host === "" ? podIp : action.host,
    port: port.value,
    path: action.path ?? "/",
    headers: (action.httpHeaders ?? []).map(({ name, value }) => ({ name, value })),
    userAgent,
  });
}
