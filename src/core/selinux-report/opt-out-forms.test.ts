import { celEnv, type CelInput, isCelError, parse, plan } from "@bufbuild/cel";
import { describe, expect, it } from "vitest";
import { admissionPolicy, gatekeeperMutation, kustomization, kyvernoPolicy, optOutChanges } from "./opt-out-forms.ts";
import type { PlannedWorkload } from "./opt-out-plan.ts";

const planned = (apiVersion: string, kind: string, name = "x", done = false): PlannedWorkload => ({
  workload: { apiVersion, kind, namespace: "ns", name },
  because: "in-conflict",
  volumes: [],
  done,
  setsMountOption: false,
});

interface Policy {
  readonly spec: {
    readonly matchConditions: readonly { readonly name: string; readonly expression: string }[];
    readonly mutations: readonly { readonly applyConfiguration: { readonly expression: string } }[];
  };
}

/** Whether all conditions of the policy hold for a pod. */
function matches(spec: CelInput): boolean {
  const [policy] = admissionPolicy(["ns"]) as readonly [Policy];
  const environment = celEnv();
  return policy.spec.matchConditions.every(({ expression }) => {
    const result = plan(environment, parse(expression))({ object: { spec } });
    if (isCelError(result)) throw new Error(`${expression}: ${result.message}`);
    return result === true;
  });
}

describe("admissionPolicy()", () => {
  it.each<readonly [string, CelInput, boolean]>([
    ["a pod that says nothing", { containers: [] }, true],
    ["a pod with another security context", { securityContext: { runAsUser: 5 } }, true],
    ["a pod for Linux", { os: { name: "linux" } }, true],
    ["a pod that chose Recursive", { securityContext: { seLinuxChangePolicy: "Recursive" } }, false],
    ["a pod that chose MountOption", { securityContext: { seLinuxChangePolicy: "MountOption" } }, false],
    ["a pod for Windows", { os: { name: "windows" } }, false],
  ])("says of %s, %j: %s", (_, spec, expected) => {
    expect(matches(spec)).toBe(expected);
  });

  it("has CEL that compiles, sets only the one field, and has its binding name it", () => {
    const [policy, binding] = admissionPolicy(["a", "b"]) as readonly [Policy, unknown];
    const [mutation] = policy.spec.mutations;
    expect(() => parse(mutation?.applyConfiguration.expression ?? "")).not.toThrow();
    expect(policy).toMatchObject({
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "MutatingAdmissionPolicy",
      spec: {
        failurePolicy: "Fail",
        reinvocationPolicy: "IfNeeded",
        matchConstraints: {
          resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }],
        },
        mutations: [
          {
            patchType: "ApplyConfiguration",
            applyConfiguration: {
              expression:
                'Object{spec: Object.spec{securityContext: Object.spec.securityContext{seLinuxChangePolicy: "Recursive"}}}',
            },
          },
        ],
      },
    });
    expect(binding).toMatchObject({
      kind: "MutatingAdmissionPolicyBinding",
      spec: {
        policyName: "selinux-recursive-opt-out",
        matchResources: {
          namespaceSelector: {
            matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "In", values: ["a", "b"] }],
          },
        },
      },
    });
  });
});

describe("kyvernoPolicy() and gatekeeperMutation()", () => {
  it("set the field of new pods of the namespaces only where it is not set", () => {
    expect(kyvernoPolicy(["a"])).toMatchObject([
      {
        kind: "ClusterPolicy",
        spec: {
          rules: [
            {
              match: { any: [{ resources: { kinds: ["Pod"], namespaces: ["a"], operations: ["CREATE"] } }] },
              mutate: { patchStrategicMerge: { spec: { securityContext: { "+(seLinuxChangePolicy)": "Recursive" } } } },
            },
          ],
        },
      },
    ]);
    expect(gatekeeperMutation(["a"])).toMatchObject([
      {
        apiVersion: "mutations.gatekeeper.sh/v1",
        kind: "Assign",
        spec: {
          applyTo: [{ kinds: ["Pod"], operations: ["CREATE"] }],
          match: { namespaces: ["a"] },
          location: "spec.securityContext.seLinuxChangePolicy",
          parameters: {
            pathTests: [{ subPath: "spec.securityContext.seLinuxChangePolicy", condition: "MustNotExist" }],
            assign: { value: "Recursive" },
          },
        },
      },
    ]);
  });
});

describe("optOutChanges()", () => {
  it("patches what has a template, and says what has to be made again", () => {
    const changes = optOutChanges([
      planned("apps/v1", "Deployment"),
      planned("batch/v1", "CronJob"),
      planned("v1", "ReplicationController"),
      planned("batch/v1", "Job"),
      planned("v1", "Pod"),
      planned("argoproj.io/v1alpha1", "Rollout"),
      planned("apps/v1", "StatefulSet", "finished", true),
    ]);
    expect(changes.map(({ how, workload }) => `${workload.kind} ${how}`)).toEqual([
      "Deployment patch",
      "CronJob patch",
      "ReplicationController patch",
      "Job by-hand",
      "Pod by-hand",
      "Rollout by-hand",
    ]);
    expect(changes[1]).toMatchObject({
      patch: {
        spec: {
          jobTemplate: { spec: { template: { spec: { securityContext: { seLinuxChangePolicy: "Recursive" } } } } },
        },
      },
    });
    expect(kustomization(changes, (value) => JSON.stringify(value))).toMatchObject({
      patches: [
        { target: { group: "apps", version: "v1", kind: "Deployment", name: "x", namespace: "ns" } },
        { target: { group: "batch", version: "v1", kind: "CronJob" } },
        { target: { version: "v1", kind: "ReplicationController" } },
      ],
    });
  });
});
