/** Remote command over WebSocket with a message that half-closes a stream; the one the kubelet terminates itself. */
export const CHANNEL_V5 = "v5.channel.k8s.io";
/** Remote command as the runtimes' streaming servers speak it. */
export const CHANNEL_V4 = "v4.channel.k8s.io";
/** SPDY bytes inside binary WebSocket messages. */
export const SPDY_TUNNEL_PREFIX = "SPDY/3.1+";
export const PORT_FORWARD_V1 = "portforward.k8s.io";
export const PORT_FORWARD_TUNNEL = `${SPDY_TUNNEL_PREFIX}${PORT_FORWARD_V1}`;
/** Subprotocol entries that carry a bearer token; they are credentials and go no further than authentication. */
export const BEARER_PROTOCOL_PREFIX = "base64url.bearer.authorization.k8s.io.";

type Headers = Readonly<Record<string, string | undefined>>;

/** Whether the headers ask for a WebSocket. */
export function isWebSocketUpgrade(headers: Headers): boolean {
  const connection = (headers["connection"] ?? "").toLowerCase();
  return (
    (headers["upgrade"] ?? "").toLowerCase() === "websocket" &&
    connection.split(",").some((token) => token.trim() === "upgrade")
  );
}

/** Whether the headers ask to leave HTTP for anything else. */
export function isUpgrade(headers: Headers): boolean {
  return headers["upgrade"] !== undefined && (headers["connection"] ?? "").toLowerCase().includes("upgrade");
}

/** Offered subprotocols, in order, without those that carry a token. */
export function offeredProtocols(headers: Headers): readonly string[] {
  return (headers["sec-websocket-protocol"] ?? "")
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "" && !entry.startsWith(BEARER_PROTOCOL_PREFIX));
}

/** Whether the client asks for a WebSocket and offers exactly this subprotocol (case-sensitive). */
export function offersProtocol(headers: Headers, protocol: string): boolean {
  return isWebSocketUpgrade(headers) && offeredProtocols(headers).includes(protocol);
}
