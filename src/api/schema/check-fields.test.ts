import { describe, expect, it } from "vitest";
import { checkFields } from "./check-fields.ts";

describe("checkFields()", () => {
  it("finds nothing in a right object", () => {
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "a", labels: { x: "y" }, creationTimestamp: null },
      spec: {
        hostUsers: false,
        containers: [{ name: "a", resources: { limits: { cpu: 1, memory: "64Mi" } }, ports: [{ containerPort: 80 }] }],
      },
    };
    expect(checkFields("V1Pod", pod)).toEqual({ unknown: [], wrong: [] });
  });

  it("names unknown fields by their path", () => {
    const pod = { metadata: { nam: "a" }, spec: { containers: [{ name: "a", imagee: "x" }], foo: { bar: 1 } } };
    expect(checkFields("V1Pod", pod).unknown).toEqual(["metadata.nam", "spec.containers[0].imagee", "spec.foo"]);
  });

  it.each([
    [
      { spec: { containers: "x" } },
      "json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container",
    ],
    [
      { spec: { containers: [{ image: 3 }] } },
      "json: cannot unmarshal number into Go struct field Container.spec.containers.image of type string",
    ],
    [
      { spec: { containers: [{ imagePullPolicy: true }] } },
      "json: cannot unmarshal bool into Go struct field Container.spec.containers.imagePullPolicy of type v1.PullPolicy",
    ],
    [
      { metadata: { labels: { a: 1 } } },
      "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
    ],
    [
      { spec: { activeDeadlineSeconds: 1.5 } },
      "json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.activeDeadlineSeconds of type int64",
    ],
    [
      { spec: { hostUsers: "false" } },
      "json: cannot unmarshal string into Go struct field PodSpec.spec.hostUsers of type bool",
    ],
    [
      { spec: { containers: [{ resources: { limits: { cpu: "x" } } }] } },
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    [
      { spec: { containers: [{ resources: { limits: [] } }] } },
      "json: cannot unmarshal array into Go struct field ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList",
    ],
    [{ spec: "x" }, "json: cannot unmarshal string into Go struct field Pod.spec of type v1.PodSpec"],
    [["x"], "json: cannot unmarshal array into Go value of type v1.Pod"],
  ])("reports %j in the decoder's words", (object, text) => {
    expect(checkFields("V1Pod", object).wrong[0]).toBe(text);
  });

  it("reports bad base64 and bad times", () => {
    expect(checkFields("V1Secret", { data: { a: "YQ==", b: "a*bc" } }).wrong).toEqual([
      "illegal base64 data at input byte 1",
    ]);
    expect(checkFields("V1Lease", { spec: { renewTime: "now" } }).wrong[0]).toMatch(/^parsing time "now" as "2006-01/u);
    expect(checkFields("V1Lease", { spec: { renewTime: "2024-02-30T00:00:00Z" } }).wrong).toHaveLength(1);
  });
});
