/** How Go's network library, whose texts users know from events, words a failed connection. */
export function dialProblem(failure: unknown, host: string, port: number): string {
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const code =
    typeof failure === "object" && failure !== null && "code" in failure && typeof failure.code === "string"
      ? failure.code
      : "";
  switch (code) {
    case "ECONNREFUSED":
      return `dial tcp ${address}: connect: connection refused`;
    case "EHOSTUNREACH":
      return `dial tcp ${address}: connect: no route to host`;
    case "ENETUNREACH":
      return `dial tcp ${address}: connect: network is unreachable`;
    case "ECONNRESET":
      return `read tcp ${address}: read: connection reset by peer`;
    case "ENOTFOUND":
      return `dial tcp: lookup ${host}: no such host`;
    default:
      return failure instanceof Error ? failure.message : String(failure);
  }
}
