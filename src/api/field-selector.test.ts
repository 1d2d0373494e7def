import { describe, expect, it } from "vitest";
import { SelectorError } from "./label-selector.ts";
import { matchesFields, parseFieldSelector, unsupportedField } from "./field-selector.ts";

describe("parseFieldSelector()", () => {
  it.each([
    ["", { a: "b" }, true],
    ["a=b", { a: "b" }, true],
    ["a==b", { a: "c" }, false],
    ["a!=b", { a: "c" }, true],
    ["a=", {}, true],
    ["a=b,c!=d", { a: "b", c: "d" }, false],
    [String.raw`a=x\,y\=z\\`, { a: "x,y=z\\" }, true],
  ] as const)("%j on %j gives %s", (text, fields, expected) => {
    expect(matchesFields(parseFieldSelector(text), fields)).toBe(expected);
  });

  it.each([
    ["a", "invalid selector: 'a'; can't understand 'a'"],
    ["a=b=c", "invalid field selector: unescaped character in value: 61"],
    [String.raw`a=\x`, String.raw`invalid field selector: invalid escape sequence: \x`],
    ["a=b\\", "invalid field selector: invalid escape sequence: \\"],
  ])("refuses %j", (text, message) => {
    expect(() => parseFieldSelector(text)).toThrow(new SelectorError(message));
  });
});

describe("unsupportedField()", () => {
  it("names the field a kind does not know", () => {
    const selector = parseFieldSelector("spec.foo=1");
    expect(unsupportedField(selector, { "metadata.name": "", "status.phase": "" })).toBe(
      "field label not supported: spec.foo",
    );
    expect(unsupportedField(selector, { "metadata.name": "" })).toBe(
      '"spec.foo" is not a known field selector: only "metadata.name", "metadata.namespace"',
    );
    expect(unsupportedField(parseFieldSelector("metadata.namespace=a"), { "metadata.name": "" })).toBeUndefined();
  });
});
