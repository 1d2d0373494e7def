import { describe, expect, it } from "vitest";
import { CONTROLLER_NAMES, selectControllers } from "./index.ts";

const ON_BY_DEFAULT = CONTROLLER_NAMES.filter((name) => name !== "selinux-warning-controller");

describe("selectControllers()", () => {
  it("takes all that are on by default for nothing and for a star", () => {
    expect(selectControllers([])).toEqual({ ok: true, value: ON_BY_DEFAULT });
    expect(selectControllers(["*"])).toEqual({ ok: true, value: ON_BY_DEFAULT });
  });

  it("runs the SELinux warning controller only when it is named", () => {
    expect(selectControllers(["*", "selinux-warning-controller"])).toEqual({ ok: true, value: CONTROLLER_NAMES });
    expect(selectControllers(["selinux-warning-controller"])).toEqual({
      ok: true,
      value: ["selinux-warning-controller"],
    });
  });

  it("takes single ones, and all but single ones", () => {
    expect(selectControllers(["namespace-controller"])).toEqual({ ok: true, value: ["namespace-controller"] });
    const selected = selectControllers(["*", "-namespace-controller"]);
    expect(selected.ok && selected.value.includes("namespace-controller")).toBe(false);
    expect(selected.ok && selected.value).toHaveLength(ON_BY_DEFAULT.length - 1);
  });

  it("names what it does not know", () => {
    expect(selectControllers(["*", "-tpyo"])).toMatchObject({
      ok: false,
      reason: expect.stringContaining('"tpyo" is not in the list of known controllers: '),
    });
  });
});
