import { readFile } from "node:fs/promises";
import { Pool } from "undici";
import { parse } from "yaml";

interface Kubeconfig {
  readonly clusters: readonly {
    readonly cluster: { readonly server: string; readonly "certificate-authority-data": string };
  }[];
  readonly users: readonly {
    readonly user: { readonly "client-certificate-data": string; readonly "client-key-data": string };
  }[];
}

export interface AdminClient {
  readonly server: string;
  request(
    method: "GET" | "POST" | "DELETE",
    path: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly body: unknown }>;
  /** Objects of a watch as they come, until the signal aborts. */
  watch(path: string, signal: AbortSignal): AsyncIterable<{ readonly type: string; readonly object: never }>;
  close(): Promise<void>;
}

/** A plain HTTPS client with the certificate of an admin.kubeconfig: it measures the server, not a client library. */
export async function adminClient(kubeconfig: string, connections: number): Promise<AdminClient> {
  const config = parse(await readFile(kubeconfig, "utf8")) as Kubeconfig;
  const cluster = config.clusters[0]?.cluster;
  const user = config.users[0]?.user;
  if (cluster === undefined || user === undefined) throw new Error(`${kubeconfig} names no cluster or no user`);
  const decode = (text: string): string => Buffer.from(text, "base64").toString();
  const pool = new Pool(cluster.server, {
    connections,
    connect: {
      ca: decode(cluster["certificate-authority-data"]),
      cert: decode(user["client-certificate-data"]),
      key: decode(user["client-key-data"]),
    },
  });
  const headers = { "content-type": "application/json", accept: "application/json" };
  return {
    server: cluster.server,
    async request(method, path, body) {
      const answer = await pool.request({
        method,
        path,
        headers,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await answer.body.text();
      return { status: answer.statusCode, body: text.startsWith("{") ? JSON.parse(text) : text };
    },
    async *watch(path, signal) {
      const answer = await pool.request({ method: "GET", path, headers, signal, bodyTimeout: 0 });
      let rest = "";
      for await (const chunk of answer.body) {
        const lines = (rest + String(chunk)).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) yield JSON.parse(line) as { type: string; object: never };
      }
    },
    close: () => pool.close(),
  };
}
