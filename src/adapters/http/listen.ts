import type { Server } from "node:net";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { HttpServerOptions } from "./server-options.ts";

const LISTEN_FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process listens there; stop it or choose another port",
  EACCES: "ports below 1024 need root; choose another port or run as root",
  EADDRNOTAVAIL: "this machine does not have that address; choose one of its own",
};

/** Listens, or rejects with OrlopError saying which address it was and what to do. */
export function listenOn(server: Server, options: Pick<HttpServerOptions, "host" | "port" | "name">): Promise<void> {
  const { host, port, name } = options;
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const hint = LISTEN_FAILURES[cause.code ?? ""] ?? cause.message;
      const message = `Cannot listen on ${host}:${port} for the ${name}: ${hint}`;
      reject(new OrlopError("Unavailable", message, { cause, retry: "never" }));
    });
    server.listen({ host, port, backlog: 1024 }, resolve);
  });
}
