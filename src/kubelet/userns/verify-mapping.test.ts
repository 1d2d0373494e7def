import { describe, expect, it } from "vitest";
import { verifyMapping } from "./verify-mapping.ts";

const RANGE = { firstId: 131072, length: 65536 };
const OWN = "         0     131072      65536\n";
const HOST = "         0          0 4294967295\n";

describe("verifyMapping()", () => {
  it("accepts the pod's own IDs", () => {
    expect(verifyMapping(RANGE, { uid: OWN, gid: OWN })).toEqual({ proof: "matches" });
  });

  it.each([
    [HOST, HOST, "the host's", `its user IDs are the host's own instead of "0 131072 65536"`],
    [OWN, HOST, "the host's", `its group IDs are the host's own instead of "0 131072 65536"`],
    ["0 196608 65536\n", OWN, "others", `its user IDs are "0 196608 65536" instead of "0 131072 65536"`],
    [
      `${OWN}65536 1000 1\n`,
      OWN,
      "others",
      `its user IDs are "0 131072 65536, 65536 1000 1" instead of "0 131072 65536"`,
    ],
    ["0 131072 65537\n", OWN, "others", `its user IDs are "0 131072 65537" instead of "0 131072 65536"`],
  ])("refuses %j with %j: %s", (uid, gid, runsWith, reason) => {
    expect(verifyMapping(RANGE, { uid, gid })).toEqual({ proof: "differs", reason, runsWith });
  });

  it.each([undefined, "", "\n", "no map"])("concludes nothing from %j", (text) => {
    expect(verifyMapping(RANGE, { uid: text, gid: OWN })).toEqual({ proof: "unknown" });
    expect(verifyMapping(RANGE, { uid: OWN, gid: text })).toEqual({ proof: "unknown" });
  });
});
