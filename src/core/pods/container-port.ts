import type { Container, EphemeralContainer } from "../../api/types.ts";
import { failed, ok, type Result } from "../../lib/result.ts";

/** A port given as a number or as the name of one of the container's ports. */
export function resolvePort(port: number | string, container: Container | EphemeralContainer): Result<number> {
  const named = (container.ports ?? []).find(({ name }) => name === port)?.containerPort;
  const value = typeof port === "number" ? port : (named ?? (/^\d+$/u.test(port) ? Number(port) : undefined));
  if (value === undefined) return failed(`couldn't find port: "${port}" in container "${container.name}"`);
  return value > 0 && value < 65_536 ? ok(value) : failed(`invalid port number: ${value}`);
}
