import type { PlannedWorkload } from "./opt-out-plan.ts";
import type { Workload } from "./workload.ts";

const POLICY = { seLinuxChangePolicy: "Recursive" } as const;
const SECURITY_CONTEXT = { spec: { securityContext: POLICY } } as const;
const TEMPLATE = { spec: { template: SECURITY_CONTEXT } } as const;

/** How the pods of a workload come to the new field. */
export type OptOutChange =
  | { readonly how: "patch"; readonly workload: Workload; readonly patch: Readonly<Record<string, unknown>> }
  /** Nobody can patch it: pods and templates of Jobs never change, and of other kinds nobody knows the template. */
  | { readonly how: "by-hand"; readonly workload: Workload; readonly text: string };

const PATCHES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "apps/v1/Deployment": TEMPLATE,
  "apps/v1/StatefulSet": TEMPLATE,
  "apps/v1/DaemonSet": TEMPLATE,
  "apps/v1/ReplicaSet": TEMPLATE,
  "v1/ReplicationController": TEMPLATE,
  "batch/v1/CronJob": { spec: { jobTemplate: TEMPLATE } },
};

/** The strategic merge patches of a plan; what has opted out already is left out. */
export function optOutChanges(plan: readonly PlannedWorkload[]): readonly OptOutChange[] {
  return plan
    .filter(({ done }) => !done)
    .map(({ workload }): OptOutChange => {
      const { apiVersion, kind, namespace, name } = workload;
      const patch = PATCHES[`${apiVersion}/${kind}`];
      if (patch !== undefined) {
        return { how: "patch", workload, patch: { apiVersion, kind, metadata: { namespace, name }, ...patch } };
      }
      if (kind === "Pod") {
        const text =
          "the field of a pod never changes: delete it and create it again with spec.securityContext.seLinuxChangePolicy: Recursive";
        return { how: "by-hand", workload, text };
      }
      if (kind === "Job") {
        const text =
          "the template of a Job never changes: let it finish, or create it again with spec.template.spec.securityContext.seLinuxChangePolicy: Recursive";
        return { how: "by-hand", workload, text };
      }
      const text = `where a ${kind} (${apiVersion}) keeps the pod's securityContext is up to it: set seLinuxChangePolicy: Recursive there, or use a policy for the namespace (--form policy)`;
      return { how: "by-hand", workload, text };
    });
}

/** A Kustomize file with the patches in it; list your own manifests under resources. */
export function kustomization(changes: readonly OptOutChange[], render: (value: unknown) => string): unknown {
  return {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    patches: changes.flatMap((change) => {
      if (change.how !== "patch") return [];
      const { apiVersion, kind, namespace, name } = change.workload;
      const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : [undefined, apiVersion];
      return [
        {
          target: { ...(group !== undefined && { group }), version, kind, name, namespace },
          patch: render(change.patch),
        },
      ];
    }),
  };
}

const NAME = "selinux-recursive-opt-out";
const NAMESPACE_NAME = "kubernetes.io/metadata.name";

/** A MutatingAdmissionPolicy (admissionregistration.k8s.io/v1, 1.36) and its binding for namespaces. */
export function admissionPolicy(namespaces: readonly string[]): readonly unknown[] {
  return [
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "MutatingAdmissionPolicy",
      metadata: { name: NAME },
      spec: {
        failurePolicy: "Fail",
        reinvocationPolicy: "IfNeeded",
        matchConstraints: {
          resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }],
        },
        matchConditions: [
          { name: "not-windows", expression: "!has(object.spec.os) || object.spec.os.name != 'windows'" },
          {
            name: "no-policy-of-its-own",
            expression: "!has(object.spec.securityContext) || !has(object.spec.securityContext.seLinuxChangePolicy)",
          },
        ],
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
    },
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "MutatingAdmissionPolicyBinding",
      metadata: { name: NAME },
      spec: {
        policyName: NAME,
        matchResources: {
          namespaceSelector: { matchExpressions: [{ key: NAMESPACE_NAME, operator: "In", values: namespaces }] },
        },
      },
    },
  ];
}

/** A Kyverno policy that does the same. */
export function kyvernoPolicy(namespaces: readonly string[]): readonly unknown[] {
  return [
    {
      apiVersion: "kyverno.io/v1",
      kind: "ClusterPolicy",
      metadata: { name: NAME, annotations: { "pod-policies.kyverno.io/autogen-controllers": "none" } },
      spec: {
        rules: [
          {
            name: "recursive-unless-set",
            match: { any: [{ resources: { kinds: ["Pod"], namespaces, operations: ["CREATE"] } }] },
            preconditions: {
              all: [{ key: "{{ request.object.spec.os.name || 'linux' }}", operator: "NotEquals", value: "windows" }],
            },
            mutate: {
              patchStrategicMerge: { spec: { securityContext: { "+(seLinuxChangePolicy)": "Recursive" } } },
            },
          },
        ],
      },
    },
  ];
}

/** A Gatekeeper mutation that does the same. Without `operations` it would change pods that run, which the API server refuses. */
export function gatekeeperMutation(namespaces: readonly string[]): readonly unknown[] {
  return [
    {
      apiVersion: "mutations.gatekeeper.sh/v1",
      kind: "Assign",
      metadata: { name: NAME },
      spec: {
        applyTo: [{ groups: [""], versions: ["v1"], kinds: ["Pod"], operations: ["CREATE"] }],
        match: { scope: "Namespaced", kinds: [{ apiGroups: [""], kinds: ["Pod"] }], namespaces },
        location: "spec.securityContext.seLinuxChangePolicy",
        parameters: {
          pathTests: [{ subPath: "spec.securityContext.seLinuxChangePolicy", condition: "MustNotExist" }],
          assign: { value: "Recursive" },
        },
      },
    },
  ];
}
