/**
 * Takes `.`, `..` and empty segments out of a path; a slash at the end stays. "" stays "". The result is decided on and
 * sent, so that both speak of the same path.
 */
export function cleanPath(path: string): string {
  if (path === "") return "";
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "" || segment === ".") continue;
    if (segment === "..") kept.pop();
    else kept.push(segment);
  }
  const clean = `/${kept.join("/")}`;
  return path.endsWith("/") && clean !== "/" ? `${clean}/` : clean;
}

/** Encodes a decoded path so that decoding it once gives it back. */
export function encodePath(path: string): string {
  return path
    .split("/")
    .map((segment) => encodeURIComponent(segment).replace(/%(?:24|26|2B|3A|3D|40)/g, decodeURIComponent))
    .join("/");
}

/** The query of a request target with its question mark, as sent; "" for none. */
export function rawQueryOf(target: string): string {
  const question = target.indexOf("?");
  return question < 0 ? "" : target.slice(question);
}

/**
 * A Location header as seen through the proxy: paths of the same host get the prefix in front, others stay as they are.
 * `hosts` are the backend's authority and the Host header the client sent.
 */
export function rewriteLocation(location: string, prefix: string, hosts: readonly string[]): string {
  const absolute = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)(.*)$/i.exec(location);
  if (absolute !== null && !hosts.includes(absolute[1] ?? "")) return location;
  const rest = absolute === null ? location : absolute[2] || "/";
  if (!rest.startsWith("/") || rest.startsWith("//") || rest.startsWith(`${prefix}/`)) return rest;
  return `${prefix}${rest}`;
}
