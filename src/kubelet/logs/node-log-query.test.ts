import { describe, expect, it } from "vitest";
import { parseNodeLogQuery } from "./node-log-query.ts";

const parse = (query: string) => parseNodeLogQuery(new URLSearchParams(query));
const texts = (query: string): readonly string[] => {
  const parsed = parse(query);
  return parsed.type === "query"
    ? []
    : [parsed.type, ...parsed.errors.map(({ field, message }) => `${field}: ${message}`)];
};

describe("parseNodeLogQuery()", () => {
  it("takes services with options, and one file", () => {
    expect(
      parse("query=kubelet&query=containerd.service&sinceTime=2026-01-01T00:00:00Z&tailLines=10&boot=-1&pattern=x"),
    ).toEqual({
      type: "query",
      query: {
        services: ["kubelet", "containerd.service"],
        files: [],
        options: { sinceTime: Date.UTC(2026, 0, 1), tailLines: 10, boot: -1, pattern: "x" },
      },
    });
    expect(parse("query=/pods/a.log")).toMatchObject({ query: { files: ["/pods/a.log"], services: [] } });
    expect(parse("")).toMatchObject({ type: "query" });
  });

  it.each(["(?i)error", "(?i:error)|x", "(?P<word>\\w+)", "[[:alpha:]]+ \\(?", "(?s-i)a.b"])(
    "takes the pattern %s, as the journal reads it",
    (pattern) => {
      expect(parse(`query=kubelet&pattern=${encodeURIComponent(pattern)}`)).toMatchObject({
        query: { options: { pattern } },
      });
    },
  );

  it("refuses values that are none with 400", () => {
    expect(texts("query=+")).toEqual(["malformed", 'query: Invalid value: [" "]: query cannot be empty']);
    expect(texts("query=a&sinceTime=yesterday")[1]).toBe('sinceTime: Invalid value: "yesterday": invalid time format');
    expect(texts("query=a&boot=x")[0]).toBe("malformed");
    expect(texts("query=a&tailLines=1.5")[0]).toBe("malformed");
  });

  it("refuses what does not go together with 406", () => {
    for (const [query, problem] of [
      ["tailLines=1", "query: Required value: cannot be empty with options"],
      ["query=a&query=/b", "cannot specify a file and service"],
      ["query=/a&query=/b", "cannot specify more than one file"],
      ["query=/a&tailLines=1", "cannot specify file with options"],
      ["query=a;b", "input contains unsupported characters"],
      ["query=a&query=b&query=c&query=d&query=e", "must have at most 4 items"],
      [`query=${"a".repeat(257)}`, "length must be less than 256"],
      ["query=a&sinceTime=2026-01-02T00:00:00Z&untilTime=2026-01-01T00:00:00Z", "must be after `sinceTime`"],
      ["query=a&boot=1", "must be less than 1"],
      ["query=a&tailLines=100001", "must be between 0 and 100000, inclusive"],
      ["query=a&pattern=(", "pattern: Invalid value"],
      ["query=a&pattern=(?i)(", "pattern: Invalid value"],
      ["query=a&pattern=foo\\", "pattern: Invalid value"],
      ["query=a&pattern=\\(?i)", "pattern: Invalid value"],
    ] as const) {
      const [type, ...problems] = texts(query);
      expect([type, problems.join()], query).toEqual(["refused", expect.stringContaining(problem)]);
    }
  });
});
