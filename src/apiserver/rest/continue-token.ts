import { badRequest } from "../../api/status-error.ts";

/** Where a list goes on. Opaque to clients. */
export interface ContinueToken {
  /** The revision of the first page; -1: whatever is newest. */
  readonly revision: number;
  /** Key of the last entry that was sent, relative to the listed prefix. */
  readonly after: string;
}

export function encodeContinue({ revision, after }: ContinueToken): string {
  const bytes = new TextEncoder().encode(JSON.stringify({ v: "meta.k8s.io/v1", rv: revision, start: `${after}\0` }));
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @throws StatusError 400 */
export function decodeContinue(text: string): ContinueToken {
  const invalid = (why: string): Error => badRequest(`continue key is not valid: ${why}`);
  let token: unknown;
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    token = JSON.parse(
      new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(binary, (c) => c.charCodeAt(0))),
    );
  } catch {
    throw invalid("not a token of this server");
  }
  if (typeof token !== "object" || token === null) throw invalid("not a token of this server");
  const { v, rv, start } = token as { readonly v?: unknown; readonly rv?: unknown; readonly start?: unknown };
  if (v !== "meta.k8s.io/v1") throw invalid(`server does not recognize this encoded version ${String(v)}`);
  if (typeof rv !== "number" || !Number.isSafeInteger(rv) || rv === 0) {
    throw invalid("incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
  }
  if (typeof start !== "string" || !start.endsWith("\0") || start.length < 2) {
    throw invalid("encoded start key empty (version meta.k8s.io/v1)");
  }
  return { revision: rv, after: start.slice(0, -1) };
}
