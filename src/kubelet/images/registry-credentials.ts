import type { Secret } from "../../api/types.ts";
import type { RegistryCredentials } from "../../ports/container-runtime.ts";
import type { ImageName } from "../../api/image-name.ts";

interface Entry {
  readonly pattern: string;
  readonly credentials: RegistryCredentials;
}

/**
 * Credentials in pull secrets that fit an image, most specific first. Secrets that can not be read count as empty, as
 * upstream treats them.
 */
export function credentialsFor(
  image: Pick<ImageName, "repository">,
  secrets: readonly Secret[],
): readonly RegistryCredentials[] {
  return secrets
    .flatMap(entriesOf)
    .filter(({ pattern }) => matches(pattern, image))
    .sort((a, b) => (a.pattern < b.pattern ? 1 : -1))
    .map(({ credentials }) => credentials);
}

function entriesOf(secret: Secret): readonly Entry[] {
  const modern = parse(secret.data?.[".dockerconfigjson"]);
  const auths = isRecord(modern) ? modern["auths"] : parse(secret.data?.[".dockercfg"]);
  if (!isRecord(auths)) return [];
  return Object.entries(auths).flatMap(([server, auth]) => {
    const pair = isRecord(auth) ? userAndPassword(auth) : undefined;
    if (pair === undefined) return [];
    const pattern = server.replace(/^https?:\/\//u, "").replace(/\/(?:v[12]\/?)?$/u, "");
    return [{ pattern, credentials: { ...pair, serverAddress: server } }];
  });
}

function parse(base64: string | undefined): unknown {
  if (base64 === undefined) return undefined;
  try {
    return JSON.parse(atob(base64)) as unknown;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function userAndPassword(
  auth: Readonly<Record<string, unknown>>,
): { readonly username: string; readonly password: string } | undefined {
  const { username, password, auth: combined } = auth;
  if (typeof username === "string" && typeof password === "string" && username !== "") return { username, password };
  if (typeof combined !== "string") return undefined;
  try {
    const text = atob(combined);
    const colon = text.indexOf(":");
    return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
  } catch {
    return undefined;
  }
}

/** "*.example.com/team" fits "eu.example.com/team/app"; a `*` stands for one label of the host. */
function matches(pattern: string, image: Pick<ImageName, "repository">): boolean {
  const slash = pattern.indexOf("/");
  const host = slash < 0 ? pattern : pattern.slice(0, slash);
  const path = slash < 0 ? "" : pattern.slice(slash + 1);
  const end = image.repository.indexOf("/");
  const registry = image.repository.slice(0, end);
  const repository = image.repository.slice(end + 1);
  return hostMatches(host, registry) && (path === "" || `${repository}/`.startsWith(`${path}/`));
}

const DOCKER_HUB = ["docker.io", "index.docker.io", "registry-1.docker.io"];

function hostMatches(pattern: string, host: string): boolean {
  if (DOCKER_HUB.includes(pattern)) return DOCKER_HUB.includes(host);
  const [patternName = "", patternPort = ""] = pattern.split(":");
  const [name = "", port = ""] = host.split(":");
  const wanted = patternName.split(".");
  const labels = name.split(".");
  if (patternPort !== port || wanted.length !== labels.length) return false;
  return wanted.every((part, index) => {
    const label = labels[index] ?? "";
    if (!part.includes("*")) return part === label;
    const [before = "", after = ""] = part.split("*", 2);
    return label.length >= before.length + after.length && label.startsWith(before) && label.endsWith(after);
  });
}
