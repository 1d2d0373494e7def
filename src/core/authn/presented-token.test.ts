import { describe, expect, it } from "vitest";
import { tokenInHeader, tokenInProtocols } from "./presented-token.ts";

describe("tokenInHeader", () => {
  it.each([
    ["Bearer abc", "abc"],
    ["bearer abc", "abc"],
    ["BEARER abc trailing words", "abc"],
    ["  Bearer abc  ", "abc"],
    ["Bearer  abc", undefined],
    ["Bearer", undefined],
    ["Bearer ", undefined],
    ["Basic abc", undefined],
    ["abc", undefined],
    ["", undefined],
  ])("%j carries %j", (authorization, token) => {
    expect(tokenInHeader({ authorization })).toEqual(token === undefined ? { type: "none" } : { type: "token", token });
  });

  it("finds none without the header", () => {
    expect(tokenInHeader({})).toEqual({ type: "none" });
  });
});

describe("tokenInProtocols", () => {
  const upgrade = { upgrade: "WebSocket", connection: "keep-alive, Upgrade" };
  const carrier = (text: string): string => `base64url.bearer.authorization.k8s.io.${text}`;
  const encoded = Buffer.from("to.ke-n").toString("base64url");
  const ask = (protocols: string) => tokenInProtocols({ ...upgrade, "sec-websocket-protocol": protocols });

  it("reads the token beside another protocol", () => {
    expect(ask(`v4.channel.k8s.io, ${carrier(encoded)}`)).toEqual({ type: "token", token: "to.ke-n" });
    expect(ask(`${carrier(encoded)},v4.channel.k8s.io`)).toEqual({ type: "token", token: "to.ke-n" });
  });

  it("needs an upgrade", () => {
    const headers = { "sec-websocket-protocol": `x, ${carrier(encoded)}` };
    expect(tokenInProtocols(headers)).toEqual({ type: "none" });
    expect(tokenInProtocols({ ...headers, upgrade: "spdy/3.1", connection: "upgrade" })).toEqual({ type: "none" });
  });

  it.each([
    [`x, ${carrier(encoded)}, ${carrier(encoded)}`, "multiple base64.bearer.authorization tokens specified"],
    [carrier(encoded), "missing additional subprotocol"],
    [`x, ${carrier("a=")}`, "invalid base64.bearer.authorization token encoding"],
    [`x, ${carrier("a+b/")}`, "invalid base64.bearer.authorization token encoding"],
    [`x, ${carrier("_w")}`, "invalid base64.bearer.authorization token"],
  ])("refuses %s", (protocols, reason) => {
    expect(ask(protocols)).toEqual({ type: "malformed", reason });
  });

  it("finds none in other protocols", () => {
    expect(ask("v4.channel.k8s.io, v5.channel.k8s.io")).toEqual({ type: "none" });
    expect(ask(`x, ${carrier("")}`)).toEqual({ type: "none" });
  });
});
