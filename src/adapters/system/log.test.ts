import { describe, expect, it } from "vitest";
import { createJsonLog } from "./log.ts";

describe("createJsonLog()", () => {
  it("writes JSON lines with the fields of the log and of the line", () => {
    const lines: string[] = [];
    const { log } = createJsonLog({ destination: { write: (line) => lines.push(line) } });
    log.with({ component: "test" }).warn("careful", { count: 2 });
    const [line = ""] = lines;
    expect(line.endsWith("\n")).toBe(true);
    expect(JSON.parse(line)).toEqual({
      level: "warn",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      component: "test",
      count: 2,
      msg: "careful",
    });
  });

  it("drops what is below the level, also after it changed and in logs made before", () => {
    const lines: string[] = [];
    const { log, setLevel } = createJsonLog({ destination: { write: (line) => lines.push(line) } });
    const child = log.with({ child: true });
    child.debug("dropped");
    setLevel("debug");
    child.debug("kept");
    setLevel("error");
    log.warn("dropped");
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(["kept"]);
  });

  it("keeps type, message and cause of an error", () => {
    const lines: string[] = [];
    const { log } = createJsonLog({ destination: { write: (line) => lines.push(line) } });
    log.error("failed", { error: new Error("outer", { cause: new Error("inner") }) });
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      error: { type: "Error", message: "outer", cause: { message: "inner" } },
    });
  });
});
