import { describe, expect, it } from "vitest";
import { testGates } from "../../testing/api-server.ts";
import { isMirrorOf, mirrorOf, readStaticPod } from "./static-pod.ts";

const CONTEXT = { nodeName: "node-1", gates: testGates(), now: 0 };
const read = (text: string, file = "/manifests/a.yaml") => readStaticPod(text, file, CONTEXT);
const manifest = (spec: string, metadata = "{name: core}"): string =>
  `{apiVersion: v1, kind: Pod, metadata: ${metadata}, spec: ${spec}}`;
const APP = "{containers: [{name: app, image: 'app:1'}]}";

describe("readStaticPod()", () => {
  it("completes a pod: name, namespace, node, defaults and a uid of its own", () => {
    const result = read(manifest(APP));
    expect(result).toMatchObject({
      ok: true,
      value: {
        metadata: { name: "core-node-1", namespace: "default", annotations: { "kubernetes.io/config.source": "file" } },
        spec: {
          nodeName: "node-1",
          restartPolicy: "Always",
          dnsPolicy: "ClusterFirst",
          containers: [{ imagePullPolicy: "IfNotPresent" }],
        },
      },
    });
  });

  it("makes another pod of another content or file, and the same of the same", () => {
    const uid = (text: string, file?: string): string | undefined => {
      const result = read(text, file);
      return result.ok ? result.value.metadata?.uid : undefined;
    };
    expect(uid(manifest(APP))).toBe(uid(manifest(APP)));
    expect(uid(manifest(APP))).not.toBe(uid(manifest(APP.replace("app:1", "app:2"))));
    expect(uid(manifest(APP))).not.toBe(uid(manifest(APP), "/manifests/b.yaml"));
  });

  it.each([
    ["not YAML", "{", /./u],
    ["another kind", "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}", /only a v1 Pod can be static/u],
    ["no name", manifest(APP, "{}"), /name is needed for the pod/u],
    ["no containers", manifest("{}"), /^invalid pod: spec\.containers: Required value/u],
    [
      "a secret",
      manifest("{containers: [{name: app, image: a}], volumes: [{name: s, secret: {secretName: x}}]}"),
      /^static pods may not reference secrets$/u,
    ],
    ["a service account", manifest("{serviceAccountName: x, containers: [{name: app, image: a}]}"), /serviceaccounts/u],
  ])("refuses %s", (_, text, reason) => {
    const result = read(text);
    expect(result.ok ? "" : result.reason).toMatch(reason);
  });
});

describe("mirrorOf()", () => {
  it("belongs to the node and shows one version of the pod", () => {
    const one = read(manifest(APP));
    const two = read(manifest(APP.replace("app:1", "app:2")));
    if (!one.ok || !two.ok) throw new Error("the manifests are good");
    const mirror = mirrorOf(one.value, { name: "node-1", uid: "n" });
    expect(mirror.metadata?.uid).toBeUndefined();
    expect(mirror.metadata?.ownerReferences).toEqual([
      { apiVersion: "v1", kind: "Node", name: "node-1", uid: "n", controller: true },
    ]);
    expect(isMirrorOf(mirror, one.value)).toBe(true);
    expect(isMirrorOf(mirror, two.value)).toBe(false);
  });
});
