type Headers = Readonly<Record<string, string | undefined>>;

/** A bearer token as a request carries it. */
export type PresentedToken =
  | { readonly type: "none" }
  | { readonly type: "token"; readonly token: string }
  | { readonly type: "malformed"; readonly reason: string };

const NONE: PresentedToken = { type: "none" };
const PROTOCOL_PREFIX = "base64url.bearer.authorization.k8s.io.";

/** `Authorization: Bearer TOKEN`. The scheme's case does not matter; text after the token is ignored. */
export function tokenInHeader(headers: Headers): PresentedToken {
  const [scheme = "", token = ""] = (headers["authorization"] ?? "").trim().split(" ", 3);
  return scheme.toLowerCase() === "bearer" && token !== "" ? { type: "token", token } : NONE;
}

function isWebSocket(headers: Headers): boolean {
  const asked = (headers["connection"] ?? "").toLowerCase().split(",");
  return (
    (headers["upgrade"] ?? "").toLowerCase() === "websocket" && asked.some((option) => option.trim() === "upgrade")
  );
}

function protocolsOf(headers: Headers): readonly string[] {
  const header = headers["sec-websocket-protocol"];
  return header === undefined ? [] : header.split(",").map((protocol) => protocol.trim());
}

/** A token that a browser passes as a WebSocket subprotocol, because it can set no header. */
export function tokenInProtocols(headers: Headers): PresentedToken {
  if (!isWebSocket(headers)) return NONE;
  const protocols = protocolsOf(headers);
  const carriers = protocols.filter((protocol) => protocol.startsWith(PROTOCOL_PREFIX));
  const [carrier, ...more] = carriers;
  if (carrier === undefined) return NONE;
  if (more.length > 0) return { type: "malformed", reason: "multiple base64.bearer.authorization tokens specified" };
  const bytes = decodeBase64Url(carrier.slice(PROTOCOL_PREFIX.length));
  if (bytes === undefined) {
    return { type: "malformed", reason: "invalid base64.bearer.authorization token encoding" };
  }
  let token: string;
  try {
    token = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { type: "malformed", reason: "invalid base64.bearer.authorization token" };
  }
  if (token === "") return NONE;
  // The token's own entry is taken out, and something must be left to answer the handshake with.
  if (protocols.length === 1) return { type: "malformed", reason: "missing additional subprotocol" };
  return { type: "token", token };
}

/** Unpadded base64url, strictly; undefined for anything else. */
function decodeBase64Url(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return undefined;
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
