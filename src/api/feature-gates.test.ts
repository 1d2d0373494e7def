import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GATE_DEPENDENCIES, GATE_HISTORY, GATES_ACTED_ON } from "./feature-gate-table.ts";
import {
  createFeatureGates,
  parseEmulatedVersion,
  parseFeatureGateFlag,
  resolveFeatureGates,
} from "./feature-gates.ts";

function resolve(flag: string, emulatedVersion = "1.36") {
  const settings = parseFeatureGateFlag(flag);
  if (!settings.ok) return settings;
  return resolveFeatureGates({ settings: [settings.value], emulatedVersion });
}

const reasonOf = (result: ReturnType<typeof resolve>): string => (result.ok ? "ok" : result.reason);

describe("resolveFeatureGates", () => {
  it.each([
    ["1.31", undefined, false],
    ["1.32", "ALPHA", false],
    ["1.33", "BETA", true],
    ["1.35", "BETA", true],
    ["1.36", "GA", true],
    ["1.37", "GA", true],
  ])("has KubeletFineGrainedAuthz at %s in stage %s, enabled %s", (emulatedVersion, stage, enabled) => {
    const gates = createFeatureGates({ emulatedVersion });
    expect(gates.enabled("KubeletFineGrainedAuthz")).toBe(enabled);
    expect(gates.all.find(({ name }) => name === "KubeletFineGrainedAuthz")?.stage).toBe(stage);
  });

  it.each([
    ["SELinuxMount", "1.36", false],
    ["SELinuxMount", "1.37", true],
    ["UserNamespacesSupport", "1.32", false],
    ["UserNamespacesSupport", "1.33", true],
    ["NodeLogQuery", "1.35", false],
    ["NodeLogQuery", "1.36", true],
    ["ComponentStatusz", "1.36", true],
  ])("has %s at %s enabled: %s", (name, emulatedVersion, enabled) => {
    expect(createFeatureGates({ emulatedVersion }).enabled(name)).toBe(enabled);
  });

  it.each([
    [
      "KubeletFineGrainedAuthz=false",
      "1.36",
      "cannot set feature gate KubeletFineGrainedAuthz to false, feature is locked to true",
    ],
    ["KubeletFineGrainedAuthz=true", "1.36", "ok"],
    ["KubeletFineGrainedAuthz=false", "1.35", "ok"],
    [
      "KubeletFineGrainedAuthz=true",
      "1.31",
      "cannot set feature gate KubeletFineGrainedAuthz to true, feature is PreAlpha at emulated version 1.31, min compatibility version 1.30",
    ],
    ["Nope=true", "1.36", "unrecognized feature gate: Nope"],
    ["constructor=true", "1.36", "unrecognized feature gate: constructor"],
    ["SELinuxMount", "1.36", "missing bool value for SELinuxMount"],
    [
      "SELinuxMount=yes",
      "1.36",
      'invalid value of SELinuxMount=yes, err: strconv.ParseBool: parsing "yes": invalid syntax',
    ],
    [
      "NodeDeclaredFeatures=0,InPlacePodVerticalScalingInitContainers=0,InPlacePodLevelResourcesVerticalScaling=0,RestartAllContainersOnContainerExits=0",
      "1.36",
      "ExtendWebSocketsToKubelet is enabled, but depends on features that are disabled: [NodeDeclaredFeatures]",
    ],
    [
      "SELinuxMount=true,SELinuxChangePolicy=false",
      "1.35",
      "SELinuxMount is enabled, but depends on features that are disabled: [SELinuxChangePolicy]",
    ],
    [" SELinuxMount = T ,kube:ContainerCheckpoint=0", "1.36", "ok"],
    ["", "1.36", "ok"],
  ])("says about %j at %s: %s", (flag, version, reason) => {
    expect(reasonOf(resolve(flag, version))).toBe(reason);
  });

  it("lets later sources win, gate by gate", () => {
    const gates = createFeatureGates({
      settings: [
        new Map([
          ["SELinuxMount", true],
          ["ContainerCheckpoint", false],
        ]),
        new Map([["SELinuxMount", false]]),
      ],
    });
    expect(gates.enabled("SELinuxMount")).toBe(false);
    expect(gates.enabled("ContainerCheckpoint")).toBe(false);
  });

  it("switches whole stages, except what is set by name", () => {
    const result = resolve("AllBeta=false,UserNamespacesSupport=true", "1.35");
    expect(reasonOf(result)).toBe("ok");
    const gates = createFeatureGates({
      settings: [
        new Map([
          ["AllBeta", false],
          ["UserNamespacesSupport", true],
        ]),
      ],
      emulatedVersion: "1.35",
    });
    expect(gates.enabled("KubeletFineGrainedAuthz")).toBe(false);
    expect(gates.enabled("UserNamespacesSupport")).toBe(true);
    expect(gates.enabled("RecursiveReadOnlyMounts")).toBe(true);
  });

  it("warns about what is settled and about what has no effect", () => {
    const result = resolve("KubeletFineGrainedAuthz=true,CPUManagerPolicyAlphaOptions=true");
    expect(result.ok && result.value.warnings).toEqual([
      "Setting GA feature gate KubeletFineGrainedAuthz=true. It will be removed in a future release.",
      "Feature gate CPUManagerPolicyAlphaOptions=true has no effect here.",
    ]);
  });

  it("does not take a typo for off", () => {
    expect(() => createFeatureGates().enabled("KubeletFineGrainedAuth")).toThrow(RangeError);
    expect(() => createFeatureGates().enabled("toString")).toThrow(RangeError);
  });

  it("has defaults that fit together at every version", () => {
    for (const minor of [31, 32, 33, 34, 35, 36, 37]) {
      expect(reasonOf(resolve("", `1.${minor}`)), `1.${minor}`).toBe("ok");
    }
  });
});

describe("parseEmulatedVersion", () => {
  it.each([
    ["1.35", "1.35"],
    ["kube=1.33", "1.33"],
    ["v1.36.0", "1.36"],
  ])("reads %s", (text, version) => {
    expect(parseEmulatedVersion(text)).toEqual({ ok: true, value: version });
  });

  it.each([
    ["1.30", "emulation version 1.30 is not between [1.31, 1.37]"],
    ["1.38", "emulation version 1.38 is not between [1.31, 1.37]"],
    ["1.foo", 'illegal version string "1.foo"'],
    ["", 'illegal version string ""'],
  ])("refuses %j", (text, reason) => {
    expect(parseEmulatedVersion(text)).toEqual({ ok: false, reason });
  });
});

describe("the table", () => {
  it("can be read whole and refers to nothing that is not in it", () => {
    for (const [name, history] of Object.entries(GATE_HISTORY)) {
      expect(history, name).toMatch(/^(?:1\.\d+ (?:alpha|beta|GA|deprecated) (?:locked )?(?:on|off)(?:, |$))+$/);
    }
    for (const name of [...GATES_ACTED_ON, ...Object.entries(GATE_DEPENDENCIES).flat(2)]) {
      expect(Object.keys(GATE_HISTORY)).toContain(name);
    }
  });

  it("lists every gate the code asks for", () => {
    const sources = readdirSync("src", { recursive: true, encoding: "utf8" }).filter(
      (file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && !file.startsWith("testing"),
    );
    expect(sources.length).toBeGreaterThan(100);
    const asked = sources.flatMap((file) =>
      [...readFileSync(join("src", file), "utf8").matchAll(/\benabled\("(\w+)"\)/g)].map(([, name]) => name ?? ""),
    );
    expect(asked).toContain("KubeletFineGrainedAuthz");
    for (const name of new Set(asked)) expect([...GATES_ACTED_ON]).toContain(name);
  });
});
