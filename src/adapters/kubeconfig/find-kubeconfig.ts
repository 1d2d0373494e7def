import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";
import { parse, stringify } from "yaml";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { ClusterConnection } from "../cluster/connection.ts";
import { inClusterConnection } from "../cluster/in-cluster.ts";
import { parseKubeconfig } from "../cluster/kubeconfig.ts";

export interface FindKubeconfigOptions {
  /** --kubeconfig; wins over everything. */
  readonly path?: string;
  readonly context?: string;
  /** Instead of the context's, by its name in the kubeconfig. */
  readonly cluster?: string;
  readonly user?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

type Fields = Record<string, unknown>;

/**
 * The connection kubectl would take: --kubeconfig, the files of KUBECONFIG merged, ~/.kube/config, or the ServiceAccount
 * of the pod this runs in. Credential plugins (exec) are run.
 */
export async function findConnection(options: FindKubeconfigOptions): Promise<ClusterConnection> {
  const { environment } = options;
  const listed = (environment["KUBECONFIG"] ?? "").split(delimiter).filter((path) => path !== "");
  const home = join(environment["HOME"] ?? "/root", ".kube", "config");
  const paths = options.path !== undefined ? [options.path] : listed.length > 0 ? listed : [home];
  const files: { readonly path: string; readonly config: Fields }[] = [];
  for (const path of paths) {
    const text = await readFile(path, "utf8").catch((cause: unknown) => {
      if (options.path !== undefined) {
        throw new OrlopError("Invalid", `The kubeconfig ${path} can not be read: ${messageOf(cause)}`, { cause });
      }
      return undefined;
    });
    if (text === undefined) continue;
    files.push({ path, config: absolute(readConfig(text, path), dirname(resolve(path))) });
  }
  const [first] = files;
  if (first === undefined) {
    const [host, port] = [environment["KUBERNETES_SERVICE_HOST"], environment["KUBERNETES_SERVICE_PORT"]];
    if (host !== undefined && port !== undefined) return inClusterConnection({ host, port });
    throw new OrlopError(
      "Invalid",
      `No cluster to look at: ${paths.join(", ")} can not be read; give --kubeconfig, set KUBECONFIG, or name manifests with -f`,
    );
  }
  const merged = merge(files.map(({ config }) => config));
  choose(merged, options);
  await runCredentialPlugin(merged, options);
  const connection = parseKubeconfig(stringify(merged), files.map(({ path }) => path).join(delimiter));
  const proxyUrl = connection.proxyUrl ?? proxyFor(connection.server, environment);
  return { ...connection, ...(proxyUrl !== undefined && { proxyUrl }) };
}

/** HTTPS_PROXY, HTTP_PROXY and NO_PROXY, as other tools read them; this machine itself is never behind a proxy. */
function proxyFor(server: string, environment: FindKubeconfigOptions["environment"]): string | undefined {
  const read = (name: string): string => environment[name] ?? environment[name.toLowerCase()] ?? "";
  const { protocol, hostname, port } = new URL(server);
  const proxy = read(protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY");
  if (proxy === "" || /^(localhost|127\.|\[::1\])/.test(hostname)) return undefined;
  const excepted = read("NO_PROXY")
    .split(",")
    .map((entry) => entry.trim().replace(/^\*?\./, ""))
    .filter((entry) => entry !== "");
  const isExcepted = excepted.some(
    (entry) => entry === "*" || entry === `${hostname}:${port}` || hostname === entry || hostname.endsWith(`.${entry}`),
  );
  return isExcepted ? undefined : proxy;
}

function readConfig(text: string, path: string): Fields {
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw new OrlopError("Invalid", `The kubeconfig ${path} is not YAML: ${messageOf(cause)}`, { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new OrlopError("Invalid", `The kubeconfig ${path} is not a mapping`);
  }
  return value as Fields;
}

const FILES = ["certificate-authority", "client-certificate", "client-key", "tokenFile"];

/** File names count from the file they stand in, which is forgotten when files are merged. */
function absolute(config: Fields, directory: string): Fields {
  for (const [list, inner] of [
    ["clusters", "cluster"],
    ["users", "user"],
  ] as const) {
    for (const entry of entriesOf(config[list])) {
      const fields = entry[inner];
      if (typeof fields !== "object" || fields === null) continue;
      const values = fields as Fields;
      for (const name of FILES) {
        const value = values[name];
        if (typeof value === "string" && value !== "") values[name] = resolve(directory, value);
      }
    }
  }
  return config;
}

function entriesOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter((item): item is Fields => typeof item === "object" && item !== null) : [];
}

/** The first file that says something wins, by name of each entry. */
function merge(configs: readonly Fields[]): Fields {
  const merged: Fields = {};
  for (const config of configs) {
    for (const [key, value] of Object.entries(config)) {
      if (!Array.isArray(value)) {
        if (merged[key] === undefined || merged[key] === "") merged[key] = value;
        continue;
      }
      const known = entriesOf(merged[key]);
      const names = new Set(known.map(({ name }) => name));
      merged[key] = [...known, ...entriesOf(value).filter(({ name }) => !names.has(name))];
    }
  }
  return merged;
}

/** Makes the context, cluster and user that were asked for the current ones. */
function choose(config: Fields, { context, cluster, user }: FindKubeconfigOptions): void {
  if (context !== undefined) config["current-context"] = context;
  if (cluster === undefined && user === undefined) return;
  const chosen = {
    ...contextOf(config),
    ...(cluster !== undefined && { cluster }),
    ...(user !== undefined && { user }),
  };
  const name = `${String(config["current-context"] ?? "")} with --cluster or --user`;
  config["contexts"] = [...entriesOf(config["contexts"]), { name, context: chosen }];
  config["current-context"] = name;
}

function contextOf(config: Fields): Fields | undefined {
  const current = config["current-context"];
  return entriesOf(config["contexts"]).find(({ name }) => name === current)?.["context"] as Fields | undefined;
}

async function runCredentialPlugin(config: Fields, options: FindKubeconfigOptions): Promise<void> {
  const context = contextOf(config);
  const user = entriesOf(config["users"]).find(({ name }) => name === context?.["user"])?.["user"] as
    | Fields
    | undefined;
  const exec = user?.["exec"] as Fields | undefined;
  if (user === undefined || exec === undefined) return;
  const cluster = entriesOf(config["clusters"]).find(({ name }) => name === context?.["cluster"])?.["cluster"] as
    | Fields
    | undefined;
  const status = await execCredential(exec, cluster, options);
  delete user["exec"];
  if (typeof status["token"] === "string") user["token"] = status["token"];
  for (const [from, to] of [
    ["clientCertificateData", "client-certificate-data"],
    ["clientKeyData", "client-key-data"],
  ] as const) {
    const pem = status[from];
    if (typeof pem === "string") user[to] = Buffer.from(pem).toString("base64");
  }
}

/** What client.authentication.k8s.io calls the cluster: the same facts under other names. */
function clusterInfoOf(cluster: Fields): Fields {
  const extensions = entriesOf(cluster["extensions"]).find(({ name }) => name === "client.authentication.k8s.io/exec");
  return {
    server: cluster["server"],
    "tls-server-name": cluster["tls-server-name"],
    "insecure-skip-tls-verify": cluster["insecure-skip-tls-verify"],
    "certificate-authority-data": cluster["certificate-authority-data"],
    "proxy-url": cluster["proxy-url"],
    config: extensions?.["extension"],
  };
}

/** client.authentication.k8s.io: the program prints an ExecCredential. Its answer is kept in memory only. */
async function execCredential(
  exec: Fields,
  cluster: Fields | undefined,
  options: FindKubeconfigOptions,
): Promise<Fields> {
  const command = exec["command"];
  if (typeof command !== "string" || command === "") {
    throw new OrlopError("Invalid", "The kubeconfig names a credential plugin without a command");
  }
  const apiVersion = typeof exec["apiVersion"] === "string" ? exec["apiVersion"] : "client.authentication.k8s.io/v1";
  const information = {
    apiVersion,
    kind: "ExecCredential",
    spec: {
      interactive: false,
      ...(exec["provideClusterInfo"] === true && { cluster: clusterInfoOf(cluster ?? {}) }),
    },
  };
  const variables = entriesOf(exec["env"]).map(({ name, value }) => [String(name), String(value)] as const);
  const hint = typeof exec["installHint"] === "string" ? `; ${exec["installHint"]}` : "";
  const args = Array.isArray(exec["args"]) ? exec["args"].map(String) : [];
  const text = await new Promise<string>((done, fail) => {
    const child = spawn(command, args, {
      env: {
        ...options.environment,
        ...Object.fromEntries(variables),
        KUBERNETES_EXEC_INFO: JSON.stringify(information),
      },
      stdio: ["ignore", "pipe", "inherit"],
      signal: options.signal,
    });
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (piece: string) => (out += piece));
    child.on("error", (cause) =>
      fail(
        new OrlopError("Invalid", `The credential plugin ${command} can not be run: ${cause.message}${hint}`, {
          cause,
        }),
      ),
    );
    child.on("close", (code) =>
      code === 0
        ? done(out)
        : fail(new OrlopError("Invalid", `The credential plugin ${command} failed with exit code ${code}`)),
    );
  });
  try {
    const credential = JSON.parse(text) as { readonly status?: Fields };
    if (credential.status !== undefined) return credential.status;
  } catch {
    // Said below, without the text: it may hold a secret.
  }
  throw new OrlopError("Invalid", `The credential plugin ${command} did not print an ExecCredential with a status`);
}
