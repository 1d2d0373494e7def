import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  SelectorError,
  labelSelectorRequirements,
  matchesLabels,
  parseLabelSelector,
  selectsLabels,
} from "./label-selector.ts";

describe("parseLabelSelector()", () => {
  it.each([
    ["", {}, true],
    ["a=b", { a: "b" }, true],
    ["a==b", { a: "b" }, true],
    ["a=b", { a: "c" }, false],
    ["a!=b", {}, true],
    ["a!=b", { a: "b" }, false],
    ["a in (b, c)", { a: "c" }, true],
    ["a in (b,c)", {}, false],
    ["a notin (b,c)", {}, true],
    ["a notin (b,c)", { a: "b" }, false],
    ["a", { a: "" }, true],
    ["!a", { a: "" }, false],
    [" ! a ", {}, true],
    ["a=", { a: "" }, true],
    ["a in ()", { a: "" }, true],
    ["a in (b,)", { a: "" }, true],
    ["a in (in,notin)", { a: "in" }, true],
    ["in in (in)", { in: "in" }, true],
    ["a>1", { a: "2" }, true],
    ["a>1", { a: "x" }, false],
    ["a<1,b", { a: "0", b: "" }, true],
    ["example.com/a=b,c!=d", { "example.com/a": "b" }, true],
    ["toString", {}, false],
  ] as const)("%j on %j gives %s", (text, labels, expected) => {
    expect(matchesLabels(parseLabelSelector(text), labels)).toBe(expected);
  });

  it.each([
    ["a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ["a,", "found '', expected: identifier after ','"],
    ["a=b c", "found 'c', expected: ',' or 'end of string'"],
    ["=a", "found '=', expected: !, identifier, or 'end of string'"],
    ["!!a", "unable to parse requirement: found '!', expected: identifier"],
    ["a in b", "unable to parse requirement: found 'b' expected: '('"],
    ["a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"],
    [
      "a>x",
      "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
    ],
    [
      "a=b/c",
      "unable to parse requirement: values[0][a]: Invalid value: \"b/c\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ],
    [
      "-a",
      "unable to parse requirement: <nil>: Invalid value: \"-a\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  ])("refuses %j", (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(new SelectorError(message));
  });

  it("throws nothing but SelectorError, whatever the text", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[ab=!(), <>in/]{0,12}$/u), (text) => {
        try {
          parseLabelSelector(text);
        } catch (reason) {
          expect((reason as Error).name).toBe("SelectorError");
        }
      }),
    );
  });
});

describe("selectsLabels()", () => {
  it("takes all of matchLabels and matchExpressions together", () => {
    const selector = {
      matchLabels: { a: "b" },
      matchExpressions: [
        { key: "c", operator: "In", values: ["d"] },
        { key: "e", operator: "DoesNotExist" },
      ],
    };
    expect(selectsLabels(selector, { a: "b", c: "d" })).toBe(true);
    expect(selectsLabels(selector, { a: "b", c: "d", e: "" })).toBe(false);
    expect(selectsLabels({}, {})).toBe(true);
    expect(selectsLabels(undefined, {})).toBe(false);
  });

  it("refuses an operator that does not exist", () => {
    const selector = { matchExpressions: [{ key: "a", operator: "Like" }] };
    expect(() => labelSelectorRequirements(selector)).toThrow('"Like" is not a valid label selector operator');
  });
});
