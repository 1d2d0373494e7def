import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parseDocument } from "yaml";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { ClusterConnection, Material } from "./connection.ts";

/**
 * Reads one kubeconfig file. Relative file names in it are relative to its directory. Files it names are not read here.
 *
 * @throws OrlopError Invalid naming the file and the field; Unsupported for credentials that need a program (exec,
 * auth-provider)
 */
export async function loadKubeconfig(path: string): Promise<ClusterConnection> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new OrlopError("Invalid", `The kubeconfig ${path} can not be read: ${messageOf(cause)}`, { cause });
  }
  return parseKubeconfig(text, path);
}

/** @param path for error texts and relative file names */
export function parseKubeconfig(text: string, path: string): ClusterConnection {
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem !== undefined) throw new OrlopError("Invalid", `The kubeconfig ${path} is not YAML: ${problem.message}`);
  const root = new Fields(document.toJS(), path, "");
  if (root.isEmpty()) throw new OrlopError("Invalid", `The kubeconfig ${path} is empty`);

  const contextName = root.text("current-context") ?? "";
  if (contextName === "") {
    throw new OrlopError("Invalid", `The kubeconfig ${path} names no current-context: set one, or choose a context`);
  }
  const context = root.named("contexts", contextName, "context", "current-context");
  const cluster = root.named("clusters", context.required("cluster"), "cluster", context.at("cluster"));
  const userName = context.text("user") ?? "";
  const user = userName === "" ? undefined : root.named("users", userName, "user", context.at("user"));

  const server = cluster.required("server");
  if (!/^https?:\/\/[^/]/.test(server) || !URL.canParse(server)) {
    throw cluster.invalid("server", `"${server}" is not an http or https URL`);
  }
  const proxyUrl = cluster.text("proxy-url") ?? "";
  if (proxyUrl !== "" && !(/^(https?|socks5):\/\/[^/]/.test(proxyUrl) && URL.canParse(proxyUrl))) {
    throw cluster.invalid("proxy-url", `"${proxyUrl}" is not an http, https or socks5 URL`);
  }
  const namespace = context.text("namespace");
  const tlsServerName = cluster.text("tls-server-name");
  const certificateAuthority = cluster.material("certificate-authority");
  const insecureSkipTlsVerify = cluster.flag("insecure-skip-tls-verify");
  if (insecureSkipTlsVerify && certificateAuthority !== undefined) {
    throw cluster.invalid("insecure-skip-tls-verify", "must not be set together with a certificate authority");
  }
  return {
    server,
    ...(tlsServerName !== undefined && { tlsServerName }),
    ...(proxyUrl !== "" && { proxyUrl }),
    ...(insecureSkipTlsVerify && { insecureSkipTlsVerify }),
    ...(certificateAuthority !== undefined && { certificateAuthority }),
    ...(namespace !== undefined && namespace !== "" && { namespace }),
    ...(user !== undefined && credentials(user)),
  };
}

function credentials(user: Fields): Partial<ClusterConnection> {
  for (const field of ["exec", "auth-provider", "username", "password"]) {
    if (user.has(field)) throw user.unsupported(field);
  }
  const clientCertificate = user.material("client-certificate");
  const clientKey = user.material("client-key");
  if (clientCertificate !== undefined && clientKey === undefined) {
    throw user.invalid("client-certificate", "needs a client-key or client-key-data too");
  }
  // As for kubectl, the file wins over the inline token.
  const tokenFile = user.file("tokenFile");
  const token = user.text("token");
  const as = user.text("as");
  return {
    ...(clientCertificate !== undefined && clientKey !== undefined && { clientCertificate, clientKey }),
    ...(tokenFile !== undefined
      ? { token: tokenFile }
      : token !== undefined && token !== "" && { token: { text: token } }),
    ...(as !== undefined && as !== "" && { impersonate: { user: as, groups: user.texts("as-groups") } }),
  };
}

/** A mapping of the file that knows where it is, for error texts. */
class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #file: string;
  readonly #path: string;

  constructor(value: unknown, file: string, path: string) {
    if (value !== null && value !== undefined && (typeof value !== "object" || Array.isArray(value))) {
      throw new OrlopError("Invalid", `The kubeconfig ${file}: ${path === "" ? "the file" : path} must be a mapping`);
    }
    this.#values = (value ?? {}) as Readonly<Record<string, unknown>>;
    this.#file = file;
    this.#path = path;
  }

  isEmpty(): boolean {
    return Object.keys(this.#values).length === 0;
  }

  at(field: string): string {
    return this.#path === "" ? field : `${this.#path}.${field}`;
  }

  has(field: string): boolean {
    const value = this.#values[field];
    return value !== undefined && value !== null && value !== "";
  }

  invalid(field: string, why: string): OrlopError {
    return new OrlopError("Invalid", `The kubeconfig ${this.#file}: ${this.at(field)}: ${why}`);
  }

  unsupported(field: string): OrlopError {
    return new OrlopError(
      "Unsupported",
      `The kubeconfig ${this.#file}: ${this.at(field)} is not supported: use a client certificate, token or tokenFile`,
    );
  }

  text(field: string): string | undefined {
    const value = this.#values[field];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "string") throw this.invalid(field, "must be a string");
    return value;
  }

  required(field: string): string {
    const value = this.text(field);
    if (value === undefined || value === "") throw this.invalid(field, "is missing");
    return value;
  }

  flag(field: string): boolean {
    const value = this.#values[field] ?? false;
    if (typeof value !== "boolean") throw this.invalid(field, "must be true or false");
    return value;
  }

  texts(field: string): readonly string[] {
    const value = this.#values[field] ?? [];
    if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
      throw this.invalid(field, "must be a list of strings");
    }
    return value;
  }

  file(field: string): Material | undefined {
    const name = this.text(field);
    return name === undefined || name === "" ? undefined : { file: resolve(dirname(this.#file), name) };
  }

  /** `field-data` (base64) or `field` (a file); the data wins, as for kubectl. */
  material(field: string): Material | undefined {
    const data = this.text(`${field}-data`);
    if (data === undefined || data === "") return this.file(field);
    const text = Buffer.from(data, "base64").toString("utf8");
    if (!/^[A-Za-z0-9+/=\s]*$/.test(data) || !text.includes("-----BEGIN ")) {
      throw this.invalid(`${field}-data`, "is not PEM in base64");
    }
    return { text };
  }

  /** The entry of a list of `{name, [inner]}`. */
  named(list: string, name: string, inner: string, wantedBy: string): Fields {
    const entries = this.#values[list] ?? [];
    if (!Array.isArray(entries)) throw this.invalid(list, "must be a list");
    for (const [index, entry] of entries.entries()) {
      const fields = new Fields(entry, this.#file, `${list}[${index}]`);
      if (fields.text("name") === name) return new Fields(fields.#values[inner], this.#file, fields.at(inner));
    }
    throw new OrlopError(
      "Invalid",
      `The kubeconfig ${this.#file}: ${wantedBy} is "${name}", but ${list} has none of that name`,
    );
  }
}
