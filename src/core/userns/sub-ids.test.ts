import { describe, expect, it } from "vitest";
import { delegatedRange } from "./sub-ids.ts";

const answer = (uids: string, gids = uids) => delegatedRange({ found: "answer", uids, gids });

describe("delegatedRange()", () => {
  it("reads the line getsubids prints", () => {
    expect(answer("0: kubelet 65536 7208960\n")).toEqual({ ok: true, value: { firstId: 65536, length: 7208960 } });
  });

  it.each(["no-user", "no-getsubids"] as const)("falls back to the default pool: %s", (because) => {
    expect(delegatedRange({ found: "nothing", because })).toEqual({ ok: true, value: undefined });
  });

  it.each([
    ["0: kubelet 65536 65536\n1: kubelet 131072 65536\n", "it must contain only one line"],
    ["0: kubelet 65536\n", "invalid line"],
    ["", "invalid line"],
    ["0: kubelet 65536 4294967296\n", "is not an unsigned 32 bit number"],
    ["0: kubelet -1 65536\n", "is not an unsigned 32 bit number"],
    ["0: kubelet 0x10000 65536\n", "is not an unsigned 32 bit number"],
  ])("refuses %j", (text, reason) => {
    expect(answer(text)).toMatchObject({ ok: false, reason: expect.stringContaining(reason) });
  });

  it("refuses different ranges for uids and gids", () => {
    expect(answer("0: kubelet 65536 65536\n", "0: kubelet 131072 65536\n")).toEqual({
      ok: false,
      reason: `mismatched subuids and subgids for user "kubelet"`,
    });
  });

  it("does not read a failing getsubids as nothing delegated", () => {
    expect(delegatedRange({ found: "failure", of: "gids", reason: "exit status 1" })).toEqual({
      ok: false,
      reason: `error retrieving additional gids for user "kubelet": exit status 1`,
    });
  });
});
