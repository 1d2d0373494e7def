import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkFields, modelNames, modelOf } from "../schema/index.ts";
import type { Field, FieldType } from "../schema/index.ts";
import { base64OfBytes, bytesOfBase64 } from "./base64-text.ts";
import { decodeMessage } from "./decode.ts";
import { encodeMessage } from "./encode.ts";
import { readEnvelope } from "./envelope.ts";

function decoded(model: string, bytes: Uint8Array): unknown {
  const result = decodeMessage(model, bytes);
  if (!result.ok) throw new Error(result.reason);
  return result.value;
}

function refusal(model: string, bytes: Uint8Array): string {
  const result = decodeMessage(model, bytes);
  return result.ok ? "" : result.reason;
}

function message(write: (writer: BinaryWriter) => BinaryWriter): Uint8Array {
  return write(new BinaryWriter()).finish();
}

const L = WireType.LengthDelimited;

/** Bodies as kubectl 1.34 and 1.36 send them. */
const SENT = [
  {
    command: "create configmap c1 --from-literal=a=b --from-literal=empty=",
    schema: "V1ConfigMap",
    body: "azhzAAoPCgJ2MRIJQ29uZmlnTWFwEicKEgoCYzESABoAIgAqADIAOABCABIGCgFhEgFiEgkKBWVtcHR5EgAaACIA",
    type: { apiVersion: "v1", kind: "ConfigMap" },
    object: { metadata: { name: "c1" }, data: { a: "b", empty: "" } },
  },
  {
    command: "create token sa1 --duration=1h --bound-object-kind=Secret --bound-object-name=s1",
    schema: "AuthenticationV1TokenRequest",
    body: "azhzAAooChhhdXRoZW50aWNhdGlvbi5rOHMuaW8vdjESDFRva2VuUmVxdWVzdBIxChAKABIAGgAiACoAMgA4AEIAEhcaEgoGU2VjcmV0EgJ2MRoCczEiACCQHBoECgASABoAIgA=",
    type: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest" },
    object: {
      metadata: {},
      spec: { boundObjectRef: { kind: "Secret", apiVersion: "v1", name: "s1" }, expirationSeconds: 3600 },
      status: { token: "" },
    },
  },
  {
    command: "auth can-i get pods",
    schema: "V1SelfSubjectAccessReview",
    body: "azhzAAoyChdhdXRob3JpemF0aW9uLms4cy5pby92MRIXU2VsZlN1YmplY3RBY2Nlc3NSZXZpZXcSPAoQCgASABoAIgAqADIAOABCABIeChwKB2RlZmF1bHQSA2dldBoAIgAqBHBvZHMyADoAGggIABIAGgAgABoAIgA=",
    type: { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview" },
    object: {
      metadata: {},
      spec: { resourceAttributes: { namespace: "default", verb: "get", resource: "pods" } },
      status: { allowed: false },
    },
  },
  {
    command: "create poddisruptionbudget pdb1 --selector=app=x --min-available=50%",
    schema: "V1PodDisruptionBudget",
    body: "azhzAAogCglwb2xpY3kvdjESE1BvZERpc3J1cHRpb25CdWRnZXQSOwoUCgRwZGIxEgAaACIAKgAyADgAQgASFwoJCAEQABoDNTAlEgoKCAoDYXBwEgF4GgoIABgAIAAoADAAGgAiAA==",
    type: { apiVersion: "policy/v1", kind: "PodDisruptionBudget" },
    object: {
      metadata: { name: "pdb1" },
      spec: { minAvailable: "50%", selector: { matchLabels: { app: "x" } } },
      status: { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 },
    },
  },
  {
    command: "create quota q1 --hard=pods=10,requests.cpu=1500m",
    schema: "V1ResourceQuota",
    body: "azhzAAoTCgJ2MRINUmVzb3VyY2VRdW90YRI/ChIKAnExEgAaACIAKgAyADgAQgASJwoMCgRwb2RzEgQKAjEwChcKDHJlcXVlc3RzLmNwdRIHCgUxNTAwbRoAGgAiAA==",
    type: { apiVersion: "v1", kind: "ResourceQuota" },
    object: { metadata: { name: "q1" }, spec: { hard: { pods: "10", "requests.cpu": "1500m" } }, status: {} },
  },
] as const;

describe("decodeMessage()", () => {
  it.each(SENT)("reads what kubectl $command sends", ({ schema, body, type, object }) => {
    const envelope = readEnvelope(bytesOfBase64(body));
    if (!envelope.ok) throw new Error(envelope.reason);
    expect(envelope.value).toMatchObject(type);
    expect(decoded(schema, envelope.value.raw)).toEqual(object);
    expect(checkFields(schema, object)).toEqual({ unknown: [], wrong: [] });
  });

  it.each([
    { models: modelNames(), depth: 1, runs: 5 },
    { models: ["V1Pod", "V1Node", "V1Service", "V1RoleBinding", "V1PersistentVolumeClaim"], depth: 3, runs: 20 },
  ])("reverses encodeMessage() for objects of depth $depth", ({ models, depth, runs }) => {
    for (const model of models) {
      fc.assert(
        fc.property(objectOf(model, depth), (object) => {
          expect(decoded(model, encodeMessage(model, object))).toEqual(object);
        }),
        { numRuns: runs },
      );
    }
  });

  it("never throws, and refuses with a text", () => {
    const models = [
      "V1Pod",
      "V1Secret",
      "V1Lease",
      "V1PodDisruptionBudget",
      "V1ObjectMeta",
      "V1CertificateSigningRequestSpec",
    ];
    fc.assert(
      fc.property(fc.constantFrom(...models), fc.uint8Array({ maxLength: 80 }), (model, bytes) => {
        const result = decodeMessage(model, bytes);
        if (!result.ok) expect(result.reason).not.toBe("");
      }),
      { numRuns: 5_000 },
    );
  });

  it("never throws for a message with one byte changed or cut off at any place", () => {
    const pod = objectOf("V1Pod", 3).map((object) => encodeMessage("V1Pod", object));
    fc.assert(
      fc.property(pod, fc.nat(), fc.nat(255), (bytes, place, value) => {
        const changed = Uint8Array.from(bytes);
        changed[place % Math.max(1, changed.length)] = value;
        for (const each of [changed, bytes.subarray(0, place % (bytes.length + 1))]) {
          const result = decodeMessage("V1Pod", each);
          if (result.ok) expect(checkFields("V1Pod", result.value).unknown).toEqual([]);
          else expect(result.reason).not.toBe("");
        }
      }),
      { numRuns: 300 },
    );
  });

  it("leaves out empty values that JSON leaves out, and keeps those that mean something", () => {
    const container = message((writer) =>
      writer.tag(1, L).string("").tag(5, L).string("").tag(24, L).string("").tag(17, WireType.Varint).bool(false),
    );
    expect(decoded("V1Container", container)).toEqual({ name: "", restartPolicy: "" });
  });

  it("passes over fields it does not know, whatever they hold", () => {
    const bytes = message((writer) =>
      writer
        .tag(900, WireType.Varint)
        .int64(-1)
        .tag(901, WireType.Bit64)
        .double(1)
        .tag(902, WireType.Bit32)
        .float(1)
        .tag(903, WireType.StartGroup)
        .tag(1, L)
        .string("x")
        .tag(903, WireType.EndGroup)
        .tag(1, L)
        .string("a"),
    );
    expect(decoded("V1EnvVar", bytes)).toEqual({ name: "a" });
  });

  it("takes numbers packed and one by one", () => {
    const bytes = message((writer) =>
      writer
        .tag(4, WireType.Varint)
        .int64(1)
        .tag(4, L)
        .fork()
        .int64(2)
        .int64(-3)
        .join()
        .tag(4, WireType.Varint)
        .int64(4),
    );
    expect(decoded("V1PodSecurityContext", bytes)).toEqual({ supplementalGroups: [1, 2, -3, 4] });
  });

  it("adds up parts of a message, and takes the last of several values", () => {
    const part = (number: number, text: string) => message((writer) => writer.tag(number, L).string(text));
    const bytes = message((writer) =>
      writer.tag(1, L).bytes(part(1, "a")).tag(1, L).bytes(part(3, "ns")).tag(1, L).bytes(part(1, "b")),
    );
    expect(decoded("V1Pod", bytes)).toEqual({ metadata: { name: "b", namespace: "ns" } });
  });

  it("keeps keys that are special in JavaScript, byte order marks, and replaces broken UTF-8", () => {
    const entry = (key: string, value: Uint8Array) =>
      message((writer) => writer.tag(1, L).string(key).tag(2, L).bytes(value));
    const bytes = message((writer) =>
      writer
        .tag(2, L)
        .bytes(entry("__proto__", Uint8Array.of(65)))
        .tag(2, L)
        .bytes(entry("bom", Uint8Array.of(0xef, 0xbb, 0xbf, 66)))
        .tag(2, L)
        .bytes(entry("broken", Uint8Array.of(67, 0xff))),
    );
    const { data } = decoded("V1ConfigMap", bytes) as { readonly data: Readonly<Record<string, string>> };
    expect(Object.entries(data)).toEqual([
      ["__proto__", "A"],
      ["bom", "\uFEFFB"],
      ["broken", "C\uFFFD"],
    ]);
  });

  it("gives map entries without a value the empty one", () => {
    const bytes = message((writer) => writer.tag(2, L).fork().tag(1, L).string("k").join());
    expect(decoded("V1Secret", bytes)).toEqual({ data: { k: "" } });
    expect(decoded("V1PodDisruptionBudgetStatus", bytes)).toEqual({ disruptedPods: { k: null } });
  });

  it("tells an unset time from 1970", () => {
    const time = (write: (writer: BinaryWriter) => BinaryWriter) =>
      message((writer) => write(writer.tag(8, L).fork()).join());
    expect(
      decoded(
        "V1ObjectMeta",
        time((writer) => writer),
      ),
    ).toEqual({});
    expect(
      decoded(
        "V1ObjectMeta",
        time((writer) => writer.tag(1, WireType.Varint).int64(-62_135_596_800)),
      ),
    ).toEqual({});
    const epoch = time((writer) => writer.tag(1, WireType.Varint).int64(0).tag(2, WireType.Varint).int32(5));
    expect(decoded("V1ObjectMeta", epoch)).toEqual({ creationTimestamp: "1970-01-01T00:00:00Z" });
    const far = time((writer) => writer.tag(1, WireType.Varint).int64(2n ** 62n));
    expect(refusal("V1ObjectMeta", far)).toContain("year outside of range [0,9999]");
  });

  it("writes microseconds", () => {
    const renewed = message((writer) =>
      writer.tag(4, L).fork().tag(1, WireType.Varint).int64(1).tag(2, WireType.Varint).int32(2_999).join(),
    );
    expect(decoded("V1LeaseSpec", renewed)).toEqual({ renewTime: "1970-01-01T00:00:01.000002Z" });
  });

  it("rounds numbers beyond 2^53 as JSON does", () => {
    const bytes = message((writer) => writer.tag(2, WireType.Varint).int64(2n ** 63n - 1n));
    expect(decoded("V1ContainerImage", bytes)).toEqual({ sizeBytes: JSON.parse("9223372036854775807") as number });
  });

  it.each([
    ["a text where a number belongs", "V1ContainerPort", [0x12, 1, 65], "proto: wrong wireType = 2 for field hostPort"],
    ["a number where a struct belongs", "V1Pod", [0x08, 1], "proto: wrong wireType = 0 for field metadata"],
    ["an end that is too far", "V1Pod", [0x0a, 3, 0x0a, 2, 65], "unexpected EOF"],
    ["an inner end past the outer one", "V1Pod", [0x0a, 2, 0x0a, 2, 65, 65], "unexpected EOF"],
    ["a number cut off by its message", "V1ContainerImage", [0x10, 0x80], "unexpected EOF"],
    ["an endless number", "V1ContainerImage", [0x10, ...Array<number>(11).fill(0xff)], "proto: invalid varint"],
    [
      "a kind of number or text that does not exist",
      "V1TCPSocketAction",
      [0x0a, 2, 8, 2],
      "impossible IntOrString.Type 2",
    ],
    ["JSON that is none", "V1ManagedFieldsEntry", [0x3a, 3, 0x0a, 1, 0x7b], "JSON inside: "],
    ["groups in groups", "V1Pod", Array<number>(5_000).fill(0x4b), "proto: maximum recursion depth reached"],
  ])("refuses %s", (_what, model, bytes, reason) => {
    expect(refusal(model, Uint8Array.from(bytes))).toContain(reason);
  });

  it("refuses JSON inside that is nested too deep for whoever walks it", () => {
    const nested = (depth: number) =>
      message((writer) =>
        writer
          .tag(7, L)
          .fork()
          .tag(1, L)
          .string("[".repeat(depth) + "]".repeat(depth))
          .join(),
      );
    expect(refusal("V1ManagedFieldsEntry", nested(1_000))).toBe("");
    expect(refusal("V1ManagedFieldsEntry", nested(1_001))).toBe("JSON inside: exceeded max depth");
    const inText = message((writer) =>
      writer
        .tag(7, L)
        .fork()
        .tag(1, L)
        .string(`"\\"${"[".repeat(2_000)}"`)
        .join(),
    );
    expect(refusal("V1ManagedFieldsEntry", inText)).toBe("");
  });
});

/** Objects of a model as JSON has them: nothing that JSON leaves out. */
function objectOf(model: string, depth: number): fc.Arbitrary<Readonly<Record<string, unknown>>> {
  // The type of a whole object is not part of its message.
  const isWhole = modelOf(model).fields.has("metadata") || model === "V1DeleteOptions";
  const fields = [...modelOf(model).fields.values()].filter(
    ({ name }) => !isWhole || !["apiVersion", "kind"].includes(name),
  );
  const entries = fields.flatMap((field): [string, fc.Arbitrary<unknown>][] => {
    const value = fieldValue(field, depth);
    return value === undefined ? [] : [[field.name, value]];
  });
  return fc.record(Object.fromEntries(entries), { requiredKeys: [], noNullPrototype: true });
}

function fieldValue({ type, zero }: Field, depth: number): fc.Arbitrary<unknown> | undefined {
  const value = valueOf(type, depth);
  if (value === undefined || type.type !== "scalar" || zero !== "absent") return value;
  return value.filter((each) => each !== "" && each !== 0 && each !== false);
}

function valueOf(type: FieldType, depth: number): fc.Arbitrary<unknown> | undefined {
  if (type.type === "model") return depth === 0 ? undefined : objectOf(type.of, depth - 1);
  if (type.type === "list" || type.type === "map") {
    const entry = valueOf(type.of, depth);
    if (entry === undefined) return undefined;
    if (type.type === "list") return fc.array(entry, { minLength: 1, maxLength: 2 });
    return fc.dictionary(fc.string({ maxLength: 3 }), entry, { minKeys: 1, maxKeys: 2, noNullPrototype: true });
  }
  switch (type.of) {
    case "boolean":
      return fc.boolean();
    case "int32":
      return fc.integer();
    case "int64":
      return fc.maxSafeInteger();
    case "double":
      return fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => value !== 0);
    case "string":
      return fc.string({ unit: "binary", maxLength: 5 });
    case "bytes":
      return fc.uint8Array({ maxLength: 9 }).map(base64OfBytes);
    case "quantity":
      return fc.constantFrom("0", "100m", "2Gi");
    case "intOrString":
      return fc.oneof(fc.integer(), fc.string({ maxLength: 3 }));
    case "time":
      return fc.constantFrom("1970-01-01T00:00:00Z", "2024-02-29T23:59:59Z", "9999-12-31T23:59:59Z");
    case "microTime":
      return fc.constantFrom("1970-01-01T00:00:00.000000Z", "2024-02-29T23:59:59.123456Z");
    case "any":
      return fc
        .jsonValue({ maxDepth: 2 })
        .filter((value) => value !== null)
        .map((value) => JSON.parse(JSON.stringify(value)) as unknown);
  }
}
