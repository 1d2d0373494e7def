import { stringify } from "yaml";
import { type PolicyExpressions, policyExpressions, type PolicySource } from "../../core/audit/nodes-proxy-policy.ts";
import type { PolicyForm, PolicyMode } from "./options.ts";

const NAME = "orlop-nodes-proxy";

export interface PolicyRequest extends PolicySource {
  readonly form: PolicyForm;
  readonly mode: PolicyMode;
}

/** The policy as YAML documents for kubectl apply. */
export function renderPolicy(request: PolicyRequest): string {
  const expressions = policyExpressions(request);
  const head = [
    "# Refuses ClusterRoles that would let their holders run commands through kubelets. Made by: orlop policy nodes-proxy",
    ...request.exceptions.map(
      ({ role, reason, expires }) =>
        `# exception: ${role}${expires === undefined ? "" : ` until ${expires}`}: ${reason.replaceAll("\n", " ")}`,
    ),
    ...(request.strict
      ? []
      : [
          "# A ClusterRole that granted it before may still be changed, so that installed things keep working (--strict refuses).",
        ]),
  ];
  return `${head.join("\n")}\n${documentsFor(request, expressions)
    .map((document) => stringify(document, { lineWidth: 0 }))
    .join("---\n")}`;
}

function documentsFor({ form, mode }: PolicyRequest, expressions: PolicyExpressions): readonly unknown[] {
  switch (form) {
    case "vap":
      return admissionPolicy(mode, expressions);
    case "kyverno":
      return [kyvernoValidatingPolicy(mode, expressions)];
    case "kyverno-clusterpolicy":
      return [kyvernoClusterPolicy(mode, expressions)];
    case "gatekeeper":
      return gatekeeper(mode, expressions);
  }
}

const MATCHED = { apiGroups: ["rbac.authorization.k8s.io"], apiVersions: ["*"], resources: ["clusterroles"] };

/** What ValidatingAdmissionPolicy and Kyverno's ValidatingPolicy have in common. */
function validation({ variables, allowed, message }: PolicyExpressions): Readonly<Record<string, unknown>> {
  return {
    failurePolicy: "Fail",
    matchConstraints: { resourceRules: [{ ...MATCHED, operations: ["CREATE", "UPDATE"] }] },
    variables,
    validations: [{ expression: allowed, message, reason: "Forbidden" }],
  };
}

const ACTIONS: Readonly<Record<PolicyMode, string>> = { deny: "Deny", warn: "Warn", audit: "Audit" };

function admissionPolicy(mode: PolicyMode, expressions: PolicyExpressions): readonly unknown[] {
  const apiVersion = "admissionregistration.k8s.io/v1";
  return [
    {
      apiVersion,
      kind: "ValidatingAdmissionPolicy",
      metadata: { name: NAME },
      spec: validation(expressions),
    },
    {
      apiVersion,
      kind: "ValidatingAdmissionPolicyBinding",
      metadata: { name: NAME },
      spec: { policyName: NAME, validationActions: [ACTIONS[mode]] },
    },
  ];
}

function kyvernoAnnotations(minimumVersion: string): Readonly<Record<string, string>> {
  return {
    "policies.kyverno.io/title": "No nodes/proxy",
    "policies.kyverno.io/category": "RBAC",
    "policies.kyverno.io/minversion": minimumVersion,
    "policies.kyverno.io/subject": "ClusterRole",
  };
}

function kyvernoValidatingPolicy(mode: PolicyMode, expressions: PolicyExpressions): unknown {
  return {
    apiVersion: "policies.kyverno.io/v1",
    kind: "ValidatingPolicy",
    metadata: { name: NAME, annotations: kyvernoAnnotations("1.17.0") },
    spec: {
      validationActions: [ACTIONS[mode]],
      evaluation: { admission: { enabled: true }, background: { enabled: true } },
      ...validation(expressions),
    },
  };
}

function kyvernoClusterPolicy(mode: PolicyMode, { variables, allowed, message }: PolicyExpressions): unknown {
  return {
    apiVersion: "kyverno.io/v1",
    kind: "ClusterPolicy",
    metadata: { name: NAME, annotations: kyvernoAnnotations("1.12.0") },
    spec: {
      background: true,
      ...(mode === "warn" && { emitWarning: true }),
      rules: [
        {
          name: "no-nodes-proxy",
          match: { any: [{ resources: { kinds: ["ClusterRole"], operations: ["CREATE", "UPDATE"] } }] },
          validate: {
            failureAction: mode === "deny" ? "Enforce" : "Audit",
            cel: { variables, expressions: [{ expression: allowed, message }] },
          },
        },
      ],
    },
  };
}

function gatekeeper(mode: PolicyMode, { variables, allowed, message }: PolicyExpressions): readonly unknown[] {
  const kind = "OrlopNodesProxy";
  return [
    {
      apiVersion: "templates.gatekeeper.sh/v1",
      kind: "ConstraintTemplate",
      metadata: { name: kind.toLowerCase() },
      spec: {
        crd: { spec: { names: { kind } } },
        targets: [
          {
            target: "admission.k8s.gatekeeper.sh",
            code: [
              {
                engine: "K8sNativeValidation",
                source: { variables, validations: [{ expression: allowed, message }], failurePolicy: "Fail" },
              },
            ],
          },
        ],
      },
    },
    {
      apiVersion: "constraints.gatekeeper.sh/v1beta1",
      kind,
      metadata: { name: NAME },
      spec: {
        enforcementAction: { deny: "deny", warn: "warn", audit: "dryrun" }[mode],
        match: { kinds: [{ apiGroups: MATCHED.apiGroups, kinds: ["ClusterRole"] }] },
      },
    },
  ];
}
