import { describe, expect, it } from "vitest";
import { parseStreamOptions } from "./stream-options.ts";

describe("parseStreamOptions()", () => {
  it("sets a flag only for the value 1", () => {
    expect(parseStreamOptions(new URLSearchParams("input=1&output=true&error=01&tty="))).toEqual({
      ok: true,
      value: { stdin: true, stdout: false, stderr: false, tty: false },
    });
  });

  it("drops stderr of a terminal", () => {
    expect(parseStreamOptions(new URLSearchParams("output=1&error=1&tty=1"))).toMatchObject({
      value: { stdout: true, stderr: false, tty: true },
    });
  });

  it("refuses a request for no stream", () => {
    expect(parseStreamOptions(new URLSearchParams("tty=1"))).toEqual({
      ok: false,
      reason: "you must specify at least 1 of stdin, stdout, stderr",
    });
  });
});
