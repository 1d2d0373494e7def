import { describe, expect, it } from "vitest";
import type { KubernetesObject } from "../../api/types.ts";
import { shapeProblem } from "./manifest-shape.ts";

const problem = (kind: string, spec: unknown): string | undefined => shapeProblem({ kind, spec } as KubernetesObject);

describe("shapeProblem()", () => {
  it.each<readonly [string, unknown, string]>([
    ["Pod", 7, "spec is not an object"],
    ["Pod", { volumes: {} }, "spec.volumes is not a list of objects"],
    ["Pod", { containers: ["c"] }, "spec.containers is not a list of objects"],
    ["Pod", { containers: [{}, { volumeMounts: "v" }] }, "spec.containers[1].volumeMounts is not a list of objects"],
    ["Pod", { securityContext: [] }, "spec.securityContext is not an object"],
    [
      "Deployment",
      { template: { spec: { initContainers: [{ securityContext: { seLinuxOptions: { level: 5 } } }] } } },
      "spec.template.spec.initContainers[0].securityContext.seLinuxOptions is not an object of texts",
    ],
    ["Deployment", { template: "x" }, "spec.template is not an object"],
    ["StatefulSet", { volumeClaimTemplates: 1 }, "spec.volumeClaimTemplates is not a list of objects"],
    [
      "CronJob",
      { jobTemplate: { spec: { template: { spec: { volumes: [1] } } } } },
      "spec.jobTemplate.spec.template.spec.volumes is not a list of objects",
    ],
  ])("%s %j: %s", (kind, spec, expected) => {
    expect(problem(kind, spec)).toBe(expected);
  });

  it("has nothing against what is only unusual", () => {
    expect(problem("Pod", undefined)).toBeUndefined();
    expect(problem("Pod", {})).toBeUndefined();
    expect(problem("ConfigMap", undefined)).toBeUndefined();
    expect(problem("Service", { ports: 3 })).toBeUndefined();
    const containers = [{ name: "c", volumeMounts: [{ name: "v" }] }];
    expect(problem("Deployment", { template: { spec: { containers, volumes: [{ name: "v" }] } } })).toBeUndefined();
  });
});
