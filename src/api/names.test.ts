import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  configKeyProblems,
  dns1035LabelProblems,
  dnsLabelProblems,
  dnsSubdomainProblems,
  environmentNameProblems,
  labelKeyProblems,
  labelValueProblems,
  pathSegmentProblems,
  portNameProblems,
  portNumberProblems,
} from "./names.ts";

describe("names", () => {
  it.each([
    ["DNS labels", dnsLabelProblems, ["a", "0-9", "x".repeat(63)], ["", "-a", "A", "a.b", "x".repeat(64)]],
    ["service names of old", dns1035LabelProblems, ["a", "a-0"], ["", "0a", "a-", "A"]],
    ["DNS subdomains", dnsSubdomainProblems, ["a", "a.b-c.0"], ["", "a..b", ".a", "A", "x".repeat(254)]],
    ["label keys", labelKeyProblems, ["a", "example.com/A_b.c"], ["", "/a", "a/", "a/b/c", "A.com/x", "x".repeat(64)]],
    ["label values", labelValueProblems, ["", "A_b.c", "0"], ["-a", "a b", "x".repeat(64)]],
    ["keys of config maps", configKeyProblems, ["a", ".a", "A_b-c.d"], ["", ".", "..", "..a", "a/b", "x".repeat(254)]],
    ["environment variables", environmentNameProblems, ["A", "a.b-c", "_"], ["", "0a", ".", "..a", "a b"]],
    ["path segments", pathSegmentProblems, ["a:b", "A B"], [".", "..", "a/b", "a%b"]],
    ["port names", portNameProblems, ["http", "a-1"], ["", "1", "-a", "a--b", "Http", "x".repeat(16)]],
  ])("%s", (_what, problems, good, bad) => {
    expect(good.filter((name) => problems(name).length > 0)).toEqual([]);
    expect(bad.filter((name) => problems(name).length === 0)).toEqual([]);
  });

  it("of labels are also names of subdomains", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 70 }), (name) => {
        if (dnsLabelProblems(name).length === 0) expect(dnsSubdomainProblems(name)).toEqual([]);
      }),
    );
  });

  it("say what they should be like", () => {
    expect(dnsLabelProblems("A")).toEqual([
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ]);
    expect(labelKeyProblems("")).toEqual([
      "name part must be non-empty",
      "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ]);
    expect(portNumberProblems(0)).toEqual(["must be between 1 and 65535, inclusive"]);
  });
});
