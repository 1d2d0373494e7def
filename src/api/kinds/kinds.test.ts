import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GATE_HISTORY } from "../feature-gate-table.ts";
import { objectOf } from "../schema/arbitrary-for-tests.ts";
import { modelOf } from "../schema/index.ts";
import { KINDS } from "./index.ts";
import { createProblems, created, statusProblems, updateProblems, warningsOf } from "./kinds-for-tests.ts";

const ALL_GATES = Object.fromEntries(Object.keys(GATE_HISTORY).map((name) => [name, true]));

/** The least an object needs to be shown. */
const LEAST: Readonly<Record<string, object>> = {
  CSIDriver: { spec: {} },
  CSINode: { spec: { drivers: [] } },
  CertificateSigningRequest: { spec: { request: "", signerName: "example.com/x" } },
  ClusterRoleBinding: { roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" } },
  EndpointSlice: { addressType: "IPv4", endpoints: [] },
  Pod: { spec: { containers: [] } },
  Event: { involvedObject: {} },
  RoleBinding: { roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "view" } },
  VolumeAttachment: { spec: { attacher: "a", nodeName: "n", source: {} } },
};

describe.each(KINDS.map((kind) => [`${kind.group}/${kind.version} ${kind.kind}`, kind] as const))(
  "%s",
  (_name, kind) => {
    const object = created(kind, { ...LEAST[kind.kind] });

    it("has a schema", () => {
      expect(modelOf(kind.schema)).toBeDefined();
    });

    it("shows a cell for every column", () => {
      expect(kind.table.cells(object, Date.UTC(2026, 0, 1))).toHaveLength(kind.table.columns.length);
    });

    it("can be selected by name and namespace", () => {
      const fields = kind.selectableFields(object);
      expect(fields["metadata.name"]).toBe("a");
      expect("metadata.namespace" in fields).toBe(kind.namespaced);
    });

    it("takes whatever its schema lets pass", () => {
      fc.assert(
        fc.property(objectOf(kind.schema), objectOf(kind.schema), (one, other) => {
          createProblems(kind, one);
          createProblems(kind, one, ALL_GATES);
          updateProblems(kind, one, other);
          if (kind.hasStatus) statusProblems(kind, one, (other["status"] ?? {}) as Readonly<Record<string, unknown>>);
          warningsOf(kind, one);
        }),
        { numRuns: 20 },
      );
    });

    it("does not change what it is given, and comes to the same twice", () => {
      const frozen: unknown = Object.freeze({ ...object });
      expect(kind.applyDefaults(frozen as typeof object)).toEqual(kind.applyDefaults(object));
      expect(kind.applyDefaults(kind.applyDefaults(object))).toEqual(kind.applyDefaults(object));
    });
  },
);

describe("KINDS", () => {
  it("has every resource and every short name once", () => {
    const resources = KINDS.map(({ group, resource }) => `${group}/${resource}`);
    expect(new Set(resources).size).toBe(resources.length);
    const shortNames = KINDS.flatMap((kind) => kind.shortNames);
    expect(new Set(shortNames).size).toBe(shortNames.length);
  });
});
