import { describe, expect, it } from "vitest";
import { forwardedRequestHeaders, forwardedResponseHeaders } from "./forwarded-headers.ts";

const upgrade = { peerAddress: "10.0.0.9", upgrade: true, keepHost: false };

describe("forwardedRequestHeaders()", () => {
  it("never passes on what the caller proved its identity with", () => {
    const forwarded = forwardedRequestHeaders(
      {
        authorization: "Bearer secret",
        upgrade: "websocket",
        connection: "Upgrade",
        "sec-websocket-protocol": "base64url.bearer.authorization.k8s.io.c2VjcmV0, v4.channel.k8s.io",
        "sec-websocket-key": "k",
      },
      upgrade,
    );
    expect(forwarded).toEqual({
      upgrade: "websocket",
      connection: "Upgrade",
      "sec-websocket-protocol": "v4.channel.k8s.io",
      "sec-websocket-key": "k",
      "x-forwarded-for": "10.0.0.9",
    });
  });

  it("drops headers the connection header names, and appends to X-Forwarded-For", () => {
    const forwarded = forwardedRequestHeaders(
      { connection: "close, X-Hop", "x-hop": "1", host: "api", te: "trailers", "x-forwarded-for": "1.2.3.4" },
      { peerAddress: "10.0.0.9", upgrade: false, keepHost: true },
    );
    expect(forwarded).toEqual({ host: "api", "x-forwarded-for": "1.2.3.4, 10.0.0.9" });
  });
});

describe("forwardedResponseHeaders()", () => {
  it("drops what belongs to the backend's connection", () => {
    expect(
      forwardedResponseHeaders({
        connection: "keep-alive",
        "transfer-encoding": "chunked",
        etag: "x",
        "set-cookie": ["a", "b"],
      }),
    ).toEqual({ etag: "x", "set-cookie": ["a", "b"] });
  });
});
