import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatMappingFile, parseMappingFile } from "./mapping-file.ts";

describe("parseMappingFile()", () => {
  it("reads back what formatMappingFile() wrote", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 65534 }), (block) => {
        const range = { firstId: block * 65536, length: 65536 };
        expect(parseMappingFile(formatMappingFile(range))).toEqual({ usable: true, range });
      }),
    );
  });

  it("writes the bytes a Kubernetes kubelet writes", () => {
    expect(formatMappingFile({ firstId: 131072, length: 65536 })).toBe(
      '{"uidMappings":[{"hostId":131072,"containerId":0,"length":65536}],"gidMappings":[{"hostId":131072,"containerId":0,"length":65536}]}',
    );
  });

  const line = (hostId: number, containerId = 0, length = 65536): string =>
    JSON.stringify({ hostId, containerId, length });
  it.each([
    [`{"uidMappings":[],"gidMappings":[]}`, "no more than one mapping allowed."],
    [`{"uidMappings":[${line(65536)},${line(131072)}],"gidMappings":[]}`, "no more than one mapping allowed."],
    [`{"uidMappings":[${line(65536)}],"gidMappings":[]}`, "GID and UID mappings should be identical."],
    [`{"uidMappings":[${line(65536)}],"gidMappings":[${line(131072)}]}`, "GID and UID mapping should be identical"],
    [`{"uidMappings":[${line(65536, 1)}],"gidMappings":[${line(65536, 1)}]}`, "UID 0 must be mapped"],
  ])("refuses %s", (text, reason) => {
    expect(parseMappingFile(text)).toMatchObject({
      usable: false,
      reason: `invalid user namespace configuration: ${reason}`,
    });
  });

  it.each([
    "",
    "{",
    "[]",
    `"x"`,
    `{"uidMappings":3}`,
    `{"uidMappings":[{"hostId":-1}]}`,
    `{"uidMappings":[{"hostId":4294967296}]}`,
  ])("can not tell what %j touches", (text) => {
    expect(parseMappingFile(text)).toMatchObject({ usable: false, touched: "unknown" });
  });

  it("names the ranges an unusable file touches", () => {
    expect(
      parseMappingFile(`{"uidMappings":[${line(65536)},${line(131072)}],"gidMappings":[${line(196608)}]}`),
    ).toMatchObject({
      touched: [
        { firstId: 65536, length: 65536 },
        { firstId: 131072, length: 65536 },
        { firstId: 196608, length: 65536 },
      ],
    });
  });

  it("takes keys without regard to case, as the files' other reader does", () => {
    expect(
      parseMappingFile(
        `{"UIDMappings":[{"HostID":65536,"ContainerID":0,"Length":65536}],"gidmappings":[${line(65536)}]}`,
      ),
    ).toMatchObject({
      usable: true,
    });
  });

  it("never throws, whatever the bytes", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void parseMappingFile(text)));
  });
});
