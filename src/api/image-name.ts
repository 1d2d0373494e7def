const DOMAIN =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[a-fA-F0-9:]+\])(?::\d+)?$/u;
const COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/u;
const TAG = /^\w[\w.-]{0,127}$/u;
/** Of the algorithms there are, in full length. */
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/u;

/** Of a repository without its registry. */
const LONGEST_NAME = 255;

export interface ImageName {
  /** With registry, e.g. "docker.io/library/busybox". */
  readonly repository: string;
  /** "latest" when the name has neither tag nor digest, "" when it has only a digest. */
  readonly tag: string;
  /** e.g. "sha256:…", or "". */
  readonly digest: string;
}

/** Takes an image reference apart as container runtimes do; undefined when it is malformed. */
export function parseImageName(reference: string): ImageName | undefined {
  const [beforeDigest = "", digest = "", ...more] = reference.split("@");
  if (more.length > 0 || (reference.includes("@") && !DIGEST.test(digest))) return undefined;
  const slash = beforeDigest.lastIndexOf("/");
  const colon = beforeDigest.indexOf(":", slash + 1);
  const path = colon === -1 ? beforeDigest : beforeDigest.slice(0, colon);
  const tag = colon === -1 ? "" : beforeDigest.slice(colon + 1);
  if (colon !== -1 && !TAG.test(tag)) return undefined;
  const [first = "", ...rest] = path.split("/");
  const isRegistry = rest.length > 0 && (/[.:]/u.test(first) || first === "localhost" || first.toLowerCase() !== first);
  const components = isRegistry ? rest : [first, ...rest];
  if (isRegistry && !DOMAIN.test(first)) return undefined;
  if (!components.every((component) => COMPONENT.test(component))) return undefined;
  if (/^[0-9a-f]{64}$/u.test(reference)) return undefined;
  const registry = isRegistry && first !== "index.docker.io" ? first : "docker.io";
  const name =
    registry === "docker.io" && components.length === 1 ? `library/${components[0] ?? ""}` : components.join("/");
  if (name.length > LONGEST_NAME) return undefined;
  return { repository: `${registry}/${name}`, tag: tag === "" && digest === "" ? "latest" : tag, digest };
}
