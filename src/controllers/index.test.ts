import { describe, expect, it } from "vitest";
import { CONTROLLER_NAMES, selectControllers } from "./index.ts";

describe("selectControllers()", () => {
  it("takes all for nothing and for a star", () => {
    expect(selectControllers([])).toEqual({ ok: true, value: CONTROLLER_NAMES });
    expect(selectControllers(["*"])).toEqual({ ok: true, value: CONTROLLER_NAMES });
  });

  it("takes single ones, and all but single ones", () => {
    expect(selectControllers(["namespace-controller"])).toEqual({ ok: true, value: ["namespace-controller"] });
    const selected = selectControllers(["*", "-namespace-controller"]);
    expect(selected.ok && selected.value.includes("namespace-controller")).toBe(false);
    expect(selected.ok && selected.value).toHaveLength(CONTROLLER_NAMES.length - 1);
  });

  it("names what it does not know", () => {
    expect(selectControllers(["*", "-tpyo"])).toMatchObject({
      ok: false,
      reason: expect.stringContaining('"tpyo" is not in the list of known controllers: '),
    });
  });
});
