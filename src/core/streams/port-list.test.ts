import { describe, expect, it } from "vitest";
import { parsePortList } from "./port-list.ts";

describe("parsePortList()", () => {
  it("takes repeated and comma-separated ports in order", () => {
    expect(parsePortList(["80,443", "65535"])).toEqual({ ok: true, value: [80, 443, 65535] });
  });

  it.each([
    [[], 'query parameter "port" is required'],
    [[""], 'query parameter "port" cannot be empty'],
    [["0"], 'port "0" must be > 0'],
    [["80,"], 'unable to parse "80," as a port: strconv.ParseUint: parsing "": invalid syntax'],
    [["-1"], 'unable to parse "-1" as a port: strconv.ParseUint: parsing "-1": invalid syntax'],
    [["65536"], 'unable to parse "65536" as a port: strconv.ParseUint: parsing "65536": value out of range'],
    [["http"], 'unable to parse "http" as a port: strconv.ParseUint: parsing "http": invalid syntax'],
  ])("refuses %j", (values, reason) => {
    expect(parsePortList(values)).toEqual({ ok: false, reason });
  });
});
