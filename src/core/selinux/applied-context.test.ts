import { describe, expect, it } from "vitest";
import { appliedContext, contextOf } from "./applied-context.ts";

const LABEL = "system_u:object_r:container_file_t:s0:c1,c2";

describe("contextOf()", () => {
  it.each([
    [[], undefined],
    [["ro", "fscontext=x", "rootcontext=y"], undefined],
    [["ro", `context="${LABEL}"`], LABEL],
    [[`ro,context="${LABEL}",noatime`], LABEL],
    [["context=a:b:c:s0", "context=a:b:d:s0"], "a:b:d:s0"],
  ])("of %j is %s", (options, context) => {
    expect(contextOf(options)).toBe(context);
  });
});

describe("appliedContext()", () => {
  it("compares labels as the kernel does", () => {
    expect(appliedContext([`context="${LABEL}"`], LABEL.replace("c1,c2", "c2,c1"))).toEqual({ applied: "as-asked" });
    expect(appliedContext(["rw"], LABEL)).toEqual({ applied: "none" });
    expect(appliedContext(["context=a:b:c:s0"], LABEL)).toEqual({ applied: "other", context: "a:b:c:s0" });
  });
});
