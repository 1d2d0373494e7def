import { describe, expect, it } from "vitest";
import { policyOf, showLevelVersion } from "./policy.ts";

const PREFIX = "pod-security.kubernetes.io/";
const shown = (labels: Readonly<Record<string, string>>) => {
  const prefixed = Object.fromEntries(Object.entries(labels).map(([key, value]) => [`${PREFIX}${key}`, value]));
  const { policy, problems } = policyOf(prefixed);
  return {
    enforce: showLevelVersion(policy.enforce),
    audit: showLevelVersion(policy.audit),
    warn: showLevelVersion(policy.warn),
    problems: problems.map(({ field, message }) => `${field}: ${message}`),
  };
};

describe("policyOf()", () => {
  it("lets everything pass where nothing is asked for", () => {
    expect(shown({})).toEqual({
      enforce: "privileged:latest",
      audit: "privileged:latest",
      warn: "privileged:latest",
      problems: [],
    });
  });

  it("warns of what is enforced unless warnings are set themselves", () => {
    expect(shown({ enforce: "restricted", "enforce-version": "v1.30" })).toMatchObject({ warn: "restricted:v1.30" });
    expect(shown({ enforce: "restricted", "warn-version": "v1.29" })).toMatchObject({ warn: "restricted:v1.29" });
    expect(shown({ enforce: "restricted", warn: "baseline" })).toMatchObject({ warn: "baseline:latest" });
    expect(shown({ enforce: "restricted", warn: "privileged" })).toMatchObject({ warn: "privileged:latest" });
  });

  it("enforces the strictest where labels can not be read, and neither audits nor warns", () => {
    expect(shown({ enforce: "x", audit: "y", warn: "z", "warn-version": "1.3" })).toEqual({
      enforce: "restricted:latest",
      audit: "privileged:latest",
      warn: "privileged:latest",
      problems: [
        `metadata.labels[${PREFIX}enforce]: Invalid value: "x": must be one of privileged, baseline, restricted`,
        `metadata.labels[${PREFIX}audit]: Invalid value: "y": must be one of privileged, baseline, restricted`,
        `metadata.labels[${PREFIX}warn]: Invalid value: "z": must be one of privileged, baseline, restricted`,
        `metadata.labels[${PREFIX}warn-version]: Invalid value: "1.3": must be "latest" or "v1.x"`,
      ],
    });
  });

  it.each(["v1.01", "v2.0", "v1", "v1.-1", "Latest", ""])("does not read version %j", (version) => {
    expect(shown({ "enforce-version": version }).problems).toHaveLength(1);
  });
});
