/** What a proxy request names: `name`, `name:port` or `scheme:name:port`. */
export interface ProxiedName {
  readonly scheme: "http" | "https";
  readonly name: string;
  /** A number or the name of a port; "" for none. */
  readonly port: string;
}

/** undefined when it is none of the three forms. */
export function parseProxiedName(text: string): ProxiedName | undefined {
  const parts = text.split(":");
  if (parts.length > 3) return undefined;
  const [scheme, name, port] = parts.length === 3 ? parts : ["", parts[0], parts[1]];
  if (name === undefined || name === "") return undefined;
  if (scheme !== "" && scheme !== "http" && scheme !== "https") return undefined;
  return { scheme: scheme === "https" ? "https" : "http", name, port: port ?? "" };
}
