import { describe, expect, it } from "vitest";
import { readAdmissionConfiguration } from "./admission-configuration.ts";

const HEAD = "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\n";

describe("readAdmissionConfiguration()", () => {
  it("reads plugins with their configuration or its file", () => {
    const text = `${HEAD}plugins:\n- name: PodSecurity\n  configuration: {kind: X}\n- name: Other\n  path: other.yaml\n`;
    expect(readAdmissionConfiguration(text)).toEqual({
      ok: true,
      value: [
        { name: "PodSecurity", configuration: { kind: "X" } },
        { name: "Other", path: "other.yaml" },
      ],
    });
    expect(readAdmissionConfiguration(HEAD)).toEqual({ ok: true, value: [] });
  });

  it.each([
    ["a: [", /./],
    ["- x", /must be an AdmissionConfiguration/],
    ["kind: AdmissionConfiguration\napiVersion: v1", /not "v1" and "AdmissionConfiguration"/],
    [`${HEAD}plugin: []`, /plugin: unknown field/],
    [`${HEAD}plugins: {}`, /plugins: must be a list/],
    [`${HEAD}plugins: [{path: a}]`, /plugins\[0\]: name/],
    [`${HEAD}plugins: [{name: A, path: a, configuration: {}}]`, /can not be set both/],
    [`${HEAD}plugins: [{name: A}, {name: A}]`, /plugins\[1\]: A is there twice/],
    [`${HEAD}plugins: [{name: A, config: {}}]`, /config: unknown field/],
  ])("refuses %j", (text, reason) => {
    expect(readAdmissionConfiguration(text)).toEqual({ ok: false, reason: expect.stringMatching(reason) });
  });
});
