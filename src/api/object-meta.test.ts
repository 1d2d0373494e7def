import { describe, expect, it } from "vitest";
import { dnsLabelProblems, dnsSubdomainProblems } from "./names.ts";
import { validateObjectMeta, validateObjectMetaUpdate } from "./object-meta.ts";
import type { ObjectMeta } from "./types.ts";

const rules = { namespaced: true, validateName: dnsSubdomainProblems };
const texts = (metadata: ObjectMeta, own = rules): readonly string[] =>
  validateObjectMeta(metadata, own).map((error) => `${error.field}: ${error.message}`);

describe("validateObjectMeta()", () => {
  it("accepts good metadata", () => {
    const metadata = {
      name: "a.b",
      namespace: "default",
      generateName: "a.",
      labels: { "example.com/x": "y", z: "" },
      annotations: { "Example.com/Upper": "anything\n" },
      finalizers: ["example.com/f", "orphan"],
      ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "r", uid: "u", controller: true }],
    };
    expect(texts({ ...metadata, generateName: "a-" })).toEqual([]);
  });

  it("asks for a name and a namespace", () => {
    expect(texts({})).toEqual([
      "metadata.name: Required value: name or generateName is required",
      "metadata.namespace: Required value",
    ]);
    expect(texts({ name: "a", namespace: "x" }, { ...rules, namespaced: false })).toEqual([
      "metadata.namespace: Forbidden: not allowed on this type",
    ]);
  });

  it("explains a bad name in the known words", () => {
    expect(texts({ name: "A_b", namespace: "default" })).toEqual([
      "metadata.name: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ]);
    expect(texts({ name: "a.b", namespace: "default" }, { ...rules, validateName: dnsLabelProblems })).toEqual([
      'metadata.name: Invalid value: "a.b": must not contain dots',
    ]);
  });

  it("knows who a finalizer waits for", () => {
    const metadata = { name: "a", resourceVersion: "1", finalizers: ["example.com/f", "kubernetes", "mine"] };
    const expected = {
      field: "metadata.finalizers[2]",
      message: 'Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
    };
    expect(validateObjectMeta({ ...metadata, namespace: "default" }, rules)).toMatchObject([expected]);
    expect(validateObjectMetaUpdate(metadata, metadata)).toMatchObject([expected]);
  });

  it("checks labels, annotations, owners, finalizers", () => {
    const bad = texts({
      name: "a",
      namespace: "default",
      labels: { "a/b/c": "x" },
      annotations: { big: "x".repeat(262_145) },
      finalizers: ["orphan", "foregroundDeletion"],
      ownerReferences: [
        { apiVersion: "v1", kind: "A", name: "a", uid: "1", controller: true },
        { apiVersion: "v1", kind: "A", name: "b", uid: "", controller: true },
      ],
    });
    expect(bad).toHaveLength(5);
    expect(bad[1]).toBe("metadata.annotations: Too long: may not be more than 262144 bytes");
    expect(bad[2]).toBe('metadata.ownerReferences.uid: Invalid value: "": must not be empty');
    expect(bad[3]).toMatch(/Found "true" in references for A\/a and A\/b$/u);
  });
});

describe("validateObjectMetaUpdate()", () => {
  it("keeps identity fixed and asks for a resource version", () => {
    const old = { name: "a", namespace: "n", uid: "1", resourceVersion: "5", generation: 2 };
    expect(validateObjectMetaUpdate({ ...old, labels: { a: "b" } }, old)).toEqual([]);
    const errors = validateObjectMetaUpdate({ name: "b", namespace: "n", uid: "1", generation: 1 }, old);
    expect(errors.map((error) => `${error.field}: ${error.message}`)).toEqual([
      'metadata.resourceVersion: Invalid value: "": must be specified for an update',
      "metadata.generation: Invalid value: 1: must not be decremented",
      'metadata.name: Invalid value: "b": field is immutable',
    ]);
  });

  it("lets no finalizer in while an object goes away", () => {
    const old = { name: "a", resourceVersion: "5", deletionTimestamp: "2024-01-01T00:00:00Z", finalizers: ["a/b"] };
    const [error] = validateObjectMetaUpdate({ ...old, finalizers: ["a/b", "c/d"] }, old);
    expect(error?.message).toBe(
      'Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"c/d"}',
    );
  });
});
