import { normalize } from "../../schema/normalize.ts";
import type { KubernetesObject, Pod } from "../../types.ts";
import { testContext } from "../gates-for-tests.ts";
import { podKind } from "./pods.ts";

type Switches = Readonly<Record<string, boolean>>;
type Json = Readonly<Record<string, unknown>>;

/** A pod as the server sees it after decoding and defaulting. */
export function podOf(spec: Json, metadata: Json = {}): KubernetesObject {
  const pod = {
    metadata: { name: "web", namespace: "default", ...metadata },
    spec: { containers: [{ name: "main", image: "busybox:1" }], ...spec },
  };
  return podKind.applyDefaults(normalize("V1Pod", pod as object) as KubernetesObject);
}

export function created(pod: KubernetesObject, switched: Switches = {}): KubernetesObject {
  return normalize("V1Pod", podKind.prepareForCreate(pod, testContext(switched)));
}

/** Problems of creating a pod, as `field: message`. */
export function createProblems(spec: Json, metadata: Json = {}, switched: Switches = {}): readonly string[] {
  const pod = created(podOf(spec, metadata), switched);
  return podKind.validateCreate(pod, testContext(switched)).map(({ field, message }) => `${field}: ${message}`);
}

/** Problems of changing a pod's spec. */
export function updateProblems(
  old: KubernetesObject,
  change: (spec: NonNullable<Pod["spec"]>) => unknown,
  switched: Switches = {},
): readonly string[] {
  const before = old as Pod;
  const spec = change(before.spec ?? { containers: [] });
  const sent = podKind.applyDefaults({ ...old, spec } as KubernetesObject);
  const next = normalize("V1Pod", podKind.prepareForUpdate(sent, old, testContext(switched)));
  return podKind.validateUpdate(next, old, testContext(switched)).map(({ field, message }) => `${field}: ${message}`);
}
