import { describe, expect, it } from "vitest";
import { forbiddenField, tooLong } from "./field-error.ts";

describe("field errors", () => {
  it.each([
    [tooLong("data", 1_048_576), "data", "Too long: may not be more than 1048576 bytes"],
    [tooLong("", 1_048_576), "[]", "Too long: may not be more than 1048576 bytes"],
    [forbiddenField("", "not so"), "[]", "Forbidden: not so"],
  ])("%j", (error, field, message) => {
    expect(error).toMatchObject({ field, message });
  });
});
