import { describe, expect, it } from "vitest";
import { CHANNEL_V5, isWebSocketUpgrade, offersProtocol } from "./protocol-names.ts";

const headers = (protocols: string, upgrade = "websocket", connection = "keep-alive, Upgrade") => ({
  upgrade,
  connection,
  "sec-websocket-protocol": protocols,
});

describe("offersProtocol()", () => {
  it("finds an entry of the list, case-sensitively", () => {
    expect(offersProtocol(headers(`v4.channel.k8s.io,${CHANNEL_V5}`, "WebSocket"), CHANNEL_V5)).toBe(true);
    expect(offersProtocol(headers("V5.channel.k8s.io"), CHANNEL_V5)).toBe(false);
    expect(offersProtocol(headers(`x${CHANNEL_V5}`), CHANNEL_V5)).toBe(false);
  });

  it("wants a WebSocket upgrade", () => {
    expect(offersProtocol(headers(CHANNEL_V5, "SPDY/3.1"), CHANNEL_V5)).toBe(false);
    expect(offersProtocol(headers(CHANNEL_V5, "websocket", "keep-alive"), CHANNEL_V5)).toBe(false);
    expect(isWebSocketUpgrade({})).toBe(false);
  });
});
