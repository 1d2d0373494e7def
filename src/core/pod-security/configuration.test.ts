import { describe, expect, it } from "vitest";
import { readPodSecurityConfiguration } from "./configuration.ts";

const HEAD = { apiVersion: "pod-security.admission.config.k8s.io/v1", kind: "PodSecurityConfiguration" };
const LATEST = Number.POSITIVE_INFINITY;

describe("readPodSecurityConfiguration()", () => {
  it("reads defaults and exemptions", () => {
    expect(
      readPodSecurityConfiguration({
        ...HEAD,
        defaults: { enforce: "baseline", "enforce-version": "v1.30", warn: "restricted" },
        exemptions: {
          usernames: ["system:node:a"],
          runtimeClasses: ["kata"],
          namespaces: ["kube-system", "monitoring"],
        },
      }),
    ).toEqual({
      ok: true,
      value: {
        defaults: {
          enforce: { level: "baseline", minor: 30 },
          audit: { level: "privileged", minor: LATEST },
          warn: { level: "restricted", minor: LATEST },
        },
        exemptions: {
          usernames: new Set(["system:node:a"]),
          runtimeClasses: new Set(["kata"]),
          namespaces: new Set(["kube-system", "monitoring"]),
        },
      },
    });
  });

  it.each(["v1", "v1beta1", "v1alpha1"])("takes an empty one of %s as everything privileged", (version) => {
    const read = readPodSecurityConfiguration({
      ...HEAD,
      apiVersion: `pod-security.admission.config.k8s.io/${version}`,
      defaults: { enforce: "" },
    });
    expect(read).toMatchObject({ ok: true, value: { defaults: { enforce: { level: "privileged", minor: LATEST } } } });
  });

  it.each([
    [{ kind: "Other" }, "apiVersion and kind must be"],
    [{ ...HEAD, default: {} }, "default: unknown field"],
    [{ ...HEAD, defaults: { enforce: "strict" } }, 'defaults.enforce: Invalid value: "strict": must be one of'],
    [
      { ...HEAD, defaults: { "warn-version": "1.30" } },
      'defaults.warn-version: Invalid value: "1.30": must be "latest"',
    ],
    [{ ...HEAD, defaults: { enforced: "baseline" } }, "defaults.enforced: unknown field"],
    [{ ...HEAD, exemptions: { users: [] } }, "exemptions.users: unknown field"],
    [{ ...HEAD, exemptions: { usernames: [""] } }, "exemptions.usernames[0]: Invalid value"],
    [{ ...HEAD, exemptions: { usernames: ["a", "a"] } }, 'exemptions.usernames[1]: Duplicate value: "a"'],
    [{ ...HEAD, exemptions: { namespaces: ["a", "B"] } }, 'exemptions.namespaces[1]: Invalid value: "B"'],
    [{ ...HEAD, exemptions: { runtimeClasses: ["-"] } }, 'exemptions.runtimeClasses[0]: Invalid value: "-"'],
    [{ ...HEAD, exemptions: { namespaces: "kube-system" } }, "exemptions.namespaces: must be a list"],
    ["text", "it must be a PodSecurityConfiguration"],
  ])("refuses %j", (document, reason) => {
    expect(readPodSecurityConfiguration(document)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
  });
});
