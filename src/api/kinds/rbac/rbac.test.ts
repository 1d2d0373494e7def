import { describe, expect, it } from "vitest";
import { createProblems, created, row, updateProblems } from "../kinds-for-tests.ts";
import { clusterRoleBindingKind, roleBindingKind } from "./role-bindings.ts";
import { clusterRoleKind, roleKind } from "./roles.ts";

const GROUP = "rbac.authorization.k8s.io";
const roleRef = { kind: "ClusterRole", name: "view" };

describe("roles", () => {
  it.each([
    [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }, []],
    [
      {},
      [
        "rules[0].verbs: Required value: verbs must contain at least one value",
        "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
        "rules[0].resources: Required value: resource rules must supply at least one resource",
      ],
    ],
    [
      { verbs: ["get"], nonResourceURLs: ["/x"] },
      ['rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs'],
    ],
  ])("check the rule %j", (rule, problems) => {
    expect(createProblems(roleKind, { rules: [rule] })).toEqual(problems);
  });

  it("of the cluster may name URLs, but not together with resources", () => {
    const rule = { verbs: ["get"], nonResourceURLs: ["/x"] };
    expect(createProblems(clusterRoleKind, { rules: [rule] })).toEqual([]);
    expect(createProblems(clusterRoleKind, { rules: [{ ...rule, apiGroups: [""] }] })).toEqual([
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
    ]);
  });

  it("that aggregate say what", () => {
    expect(createProblems(clusterRoleKind, { aggregationRule: {} })).toEqual([
      "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil",
    ]);
    const clusterRoleSelectors = [{ matchExpressions: [{ key: "a", operator: "Like" }] }];
    expect(createProblems(clusterRoleKind, { aggregationRule: { clusterRoleSelectors } })).toEqual([
      'aggregationRule.clusterRoleSelectors[0].matchExpressions[0].operator: Invalid value: "Like": not a valid selector operator',
      "aggregationRule.clusterRoleSelectors[0]: Invalid value: null: invalid label selector.",
    ]);
  });
});

describe("bindings", () => {
  it("fill in the group of roles, users and groups", () => {
    const subjects = [
      { kind: "User", name: "u" },
      { kind: "ServiceAccount", name: "s" },
    ];
    expect(created(roleBindingKind, { roleRef, subjects })).toMatchObject({
      roleRef: { apiGroup: GROUP },
      subjects: [{ apiGroup: GROUP }, { kind: "ServiceAccount" }],
    });
  });

  it("name a role and subjects that can exist", () => {
    const subjects = [
      { kind: "Robot", name: "" },
      { kind: "ServiceAccount", name: "S" },
      { kind: "User", name: "u", apiGroup: "x" },
    ];
    expect(createProblems(clusterRoleBindingKind, { roleRef: { kind: "Role", name: "" }, subjects })).toEqual([
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
      "roleRef.name: Required value",
      "subjects[0].name: Required value",
      'subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
      expect.stringContaining('subjects[1].name: Invalid value: "S": a lowercase RFC 1123 subdomain'),
      "subjects[1].namespace: Required value",
      `subjects[2].apiGroup: Unsupported value: "x": supported values: "${GROUP}"`,
    ]);
  });

  it("stay bound to their role", () => {
    const [problem] = updateProblems(roleBindingKind, { roleRef }, { roleRef: { kind: "Role", name: "x" } });
    expect(problem).toMatch(/^roleRef: Invalid value: \{.*"name":"x".*\}: cannot change roleRef$/u);
  });

  it("show who is bound", () => {
    const subjects = [
      { kind: "ServiceAccount", namespace: "n", name: "s" },
      { kind: "User", name: "u" },
    ];
    expect(row(roleBindingKind, { roleRef, subjects })).toMatchObject({
      Role: "ClusterRole/view",
      Users: "u",
      ServiceAccounts: "n/s",
    });
  });
});
