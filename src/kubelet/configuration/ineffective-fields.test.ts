import { describe, expect, it } from "vitest";
import { completeKubeletConfiguration, defaultKubeletConfiguration } from "../../api/kubelet-configuration.ts";
import { INEFFECTIVE_FIELDS, ineffectiveFields } from "./ineffective-fields.ts";

describe("ineffectiveFields()", () => {
  it("names what was set in vain, and nothing that has its default or an effect", () => {
    expect(ineffectiveFields(defaultKubeletConfiguration())).toEqual({});
    const configuration = completeKubeletConfiguration(
      {
        maxPods: 5,
        kubeAPIQPS: 10,
        contentType: "application/json",
        evictionSoft: { "memory.available": "1Gi" },
        evictionSoftGracePeriod: { "memory.available": "1m" },
      },
      "test",
    );
    expect(Object.keys(ineffectiveFields(configuration)).sort()).toEqual([
      "contentType",
      "evictionSoft",
      "evictionSoftGracePeriod",
      "kubeAPIQPS",
    ]);
  });

  it("knows only fields that exist", () => {
    for (const field of Object.keys(INEFFECTIVE_FIELDS)) expect(defaultKubeletConfiguration()).toHaveProperty(field);
  });
});
