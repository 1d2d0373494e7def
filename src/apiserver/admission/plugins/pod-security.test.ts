import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { call } from "../../../testing/api-calls.ts";
import type { Answer } from "../../../testing/api-calls.ts";
import { ADMIN, startTestApiServer } from "../../../testing/api-server.ts";
import type { TestApiServer } from "../../../testing/api-server.ts";
import { createFakeClock } from "../../../testing/fake-clock.ts";
import { seededRandom } from "../../../testing/quiet.ts";
import {
  NO_POD_SECURITY_CONFIGURATION,
  type PodSecurityConfiguration,
} from "../../../core/pod-security/configuration.ts";
import { type LevelVersion, PRIVILEGED_POLICY } from "../../../core/pod-security/policy.ts";
import type { AuditedRequest } from "../../server/handler.ts";
import { createStandardAdmission } from "../standard-admission.ts";
import { createPodSecurityMetrics } from "./pod-security-metrics.ts";

const PREFIX = "pod-security.kubernetes.io/";
const PODS = "/api/v1/namespaces/default/pods";
const NEEDS =
  'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), ' +
  'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), ' +
  'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), ' +
  'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")';

let api: TestApiServer;
let metrics: Registry;
let audited: AuditedRequest[];

async function start(configuration?: PodSecurityConfiguration): Promise<void> {
  metrics = new Registry();
  audited = [];
  api = await startTestApiServer({
    audit: (request) => audited.push(request),
    parts: () => ({
      admission: createStandardAdmission(
        {
          clock: createFakeClock(),
          random: seededRandom(3),
          podSecurityMetrics: createPodSecurityMetrics(metrics, 36),
        },
        { emulatedMinor: 36, ...(configuration !== undefined && { podSecurity: configuration }) },
      ),
    }),
  });
}
beforeEach(() => start());
afterEach(() => api.stop());

/** What the audit record of the last request says. */
const annotations = (): Record<string, string> => Object.fromEntries(audited.at(-1)?.annotations ?? []);
const counted = async (metric: string): Promise<readonly string[]> =>
  (await metrics.metrics()).split("\n").filter((line) => line.startsWith(`${metric}{`));

const send = (method: "POST" | "PATCH", path: string, body: object): Promise<Answer> =>
  call(api.connect(), method, path, { body });
const label = (labels: Record<string, string | null>): Promise<Answer> =>
  send("PATCH", "/api/v1/namespaces/default", {
    metadata: { labels: Object.fromEntries(Object.entries(labels).map(([key, value]) => [`${PREFIX}${key}`, value])) },
  });
const pod = (name: string, spec: object = {}): object => ({
  metadata: { name },
  spec: { containers: [{ name: "c", image: "busybox" }], ...spec },
});
/** What a client shows of the `Warning` header. */
const warningsOf = ({ headers }: Answer): readonly string[] =>
  [...(headers["warning"] ?? "").matchAll(/299 - "((?:[^"\\]|\\.)*)"/g)].map(([, text = ""]) =>
    text.replaceAll('\\"', '"'),
  );

describe("PodSecurity", () => {
  it("refuses a pod that breaks the enforced level, and says all of it", async () => {
    await label({ enforce: "restricted" });
    const refused = await send("POST", PODS, pod("x"));
    expect(refused.status).toBe(403);
    expect(refused.body.message).toBe(`pods "x" is forbidden: violates PodSecurity "restricted:latest": ${NEEDS}`);
    expect(warningsOf(refused)).toEqual([]);
  });

  it("warns and audits without refusing", async () => {
    await label({ warn: "baseline", "warn-version": "v1.30", audit: "baseline" });
    const made = await send("POST", PODS, pod("x", { hostNetwork: true }));
    expect(made.status).toBe(201);
    expect(warningsOf(made)).toEqual([
      'would violate PodSecurity "baseline:v1.30": host namespaces (hostNetwork=true)',
    ]);
    expect(annotations()).toEqual({
      [`${PREFIX}enforce-policy`]: "privileged:latest",
      [`${PREFIX}audit-violations`]: 'would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
    });
  });

  it("lets root be root where it has users of its own", async () => {
    await label({ enforce: "restricted" });
    const container = {
      name: "c",
      image: "busybox",
      securityContext: {
        runAsUser: 0,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
        seccompProfile: { type: "RuntimeDefault" },
      },
    };
    expect((await send("POST", PODS, pod("a", { hostUsers: false, containers: [container] }))).status).toBe(201);
    expect((await send("POST", PODS, pod("b", { containers: [container] }))).body.message).toContain(
      'runAsUser=0 (container "c" must not set runAsUser=0)',
    );
    await label({ "enforce-version": "v1.34" });
    expect((await send("POST", PODS, pod("c", { hostUsers: false, containers: [container] }))).status).toBe(403);
  });

  it("judges a pod again only when an image changes or a container is added", async () => {
    await send("POST", PODS, pod("x"));
    await label({ enforce: "restricted" });
    expect((await send("PATCH", `${PODS}/x`, { metadata: { labels: { a: "b" } } })).status).toBe(200);
    expect(annotations()).toEqual({});
    const image = await send("PATCH", `${PODS}/x`, { spec: { containers: [{ name: "c", image: "other" }] } });
    expect(image.status).toBe(403);
    const debug = await send("PATCH", `${PODS}/x/ephemeralcontainers`, {
      spec: { ephemeralContainers: [{ name: "e", image: "busybox" }] },
    });
    expect(debug.status).toBe(403);
    expect(debug.body.message).toContain('containers "c", "e"');
  });

  it("checks the labels of namespaces", async () => {
    const wrong = await label({ enforce: "strict" });
    expect(wrong.status).toBe(422);
    expect(wrong.body.message).toBe(
      'Namespace "default" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted',
    );
  });

  it("names the pods that break a new level", async () => {
    await send("POST", PODS, pod("b", { hostNetwork: true }));
    await send("POST", PODS, pod("a", { hostNetwork: true }));
    await send("POST", PODS, pod("c", { hostPID: true, volumes: [{ name: "v", hostPath: { path: "/" } }] }));
    expect(warningsOf(await label({ enforce: "baseline" }))).toEqual([
      'existing pods in namespace "default" violate the new PodSecurity enforce level "baseline:latest"',
      "a (and 1 other pod): host namespaces",
      "c: host namespaces, hostPath volumes",
    ]);
    expect(warningsOf(await label({ enforce: "privileged" }))).toEqual([]);
  });

  it("warns of templates whose pods would be refused", async () => {
    await label({ enforce: "restricted" });
    const made = await send("POST", "/api/v1/namespaces/default/podtemplates", {
      metadata: { name: "t" },
      template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "busybox" }] } },
    });
    expect(made.status).toBe(201);
    expect(warningsOf(made)[0]).toContain("would violate PodSecurity");
  });

  it("counts its decisions", async () => {
    await label({ enforce: "baseline", "enforce-version": "v1.30", warn: "restricted", "warn-version": "v1.99" });
    await send("POST", PODS, pod("fine"));
    await send("POST", PODS, pod("bad", { hostNetwork: true }));
    expect(await counted("pod_security_evaluations_total")).toEqual([
      'pod_security_evaluations_total{decision="allow",policy_level="baseline",policy_version="v1.30",mode="enforce",request_operation="create",resource="pod",subresource=""} 1',
      'pod_security_evaluations_total{decision="deny",policy_level="restricted",policy_version="future",mode="warn",request_operation="create",resource="pod",subresource=""} 1',
      'pod_security_evaluations_total{decision="deny",policy_level="baseline",policy_version="v1.30",mode="enforce",request_operation="create",resource="pod",subresource=""} 1',
    ]);
  });

  it("says in the audit record when a namespace's labels can not be read, and applies the strictest level", async () => {
    await api.objects.update("namespaces", "", "default", (namespace) => ({
      ...namespace,
      metadata: { ...namespace.metadata, labels: { [`${PREFIX}enforce`]: "strict", [`${PREFIX}warn-version`]: "v2" } },
    }));
    expect((await send("POST", PODS, pod("x"))).status).toBe(403);
    expect(annotations()).toMatchObject({
      [`${PREFIX}error`]:
        `Failed to parse policy: [metadata.labels[${PREFIX}enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted, ` +
        `metadata.labels[${PREFIX}warn-version]: Invalid value: "v2": must be "latest" or "v1.x"]`,
      [`${PREFIX}enforce-policy`]: "restricted:latest",
    });
    expect(await counted("pod_security_errors_total")).toEqual([
      'pod_security_errors_total{fatal="false",request_operation="create",resource="pod",subresource=""} 1',
    ]);
  });
});

describe("PodSecurity with a configuration", () => {
  const privileged = pod("x", { hostNetwork: true });
  const configured = async (exemptions: Partial<PodSecurityConfiguration["exemptions"]>): Promise<void> => {
    await api.stop();
    const baseline: LevelVersion = { level: "baseline", minor: Number.POSITIVE_INFINITY };
    await start({
      defaults: { ...PRIVILEGED_POLICY, enforce: baseline },
      exemptions: { ...NO_POD_SECURITY_CONFIGURATION.exemptions, ...exemptions },
    });
  };

  it("holds namespaces without labels to the defaults, and labels win", async () => {
    await configured({});
    expect((await send("POST", PODS, privileged)).status).toBe(403);
    await label({ enforce: "privileged" });
    expect((await send("POST", PODS, privileged)).status).toBe(201);
  });

  it("does not look at pods of exempt namespaces, and says that their labels are ignored", async () => {
    await configured({ namespaces: new Set(["default"]) });
    expect((await send("POST", PODS, privileged)).status).toBe(201);
    expect(annotations()).toEqual({ [`${PREFIX}exempt`]: "namespace" });
    await send("PATCH", `${PODS}/x`, { metadata: { labels: { a: "b" } } });
    expect(annotations()).toEqual({ [`${PREFIX}exempt`]: "namespace" });
    expect(warningsOf(await label({ enforce: "restricted", warn: "baseline" }))).toEqual([
      'namespace "default" is exempt from Pod Security, and the policy (enforce=restricted:latest, warn=baseline:latest) will be ignored',
    ]);
    expect(await counted("pod_security_exemptions_total")).toEqual([
      'pod_security_exemptions_total{request_operation="create",resource="pod",subresource=""} 1',
      'pod_security_exemptions_total{request_operation="update",resource="pod",subresource=""} 1',
    ]);
  });

  it("does not look at what exempt users ask for, templates included", async () => {
    await configured({ usernames: new Set(["admin"]) });
    expect((await send("POST", PODS, privileged)).status).toBe(201);
    expect(annotations()).toEqual({ [`${PREFIX}exempt`]: "user" });
    const other = { ...ADMIN, name: "somebody" };
    expect((await call(api.connect(other), "POST", PODS, { body: pod("y", { hostNetwork: true }) })).status).toBe(403);
  });

  it("does not look at pods of exempt RuntimeClasses, nor name them among those that break a new level", async () => {
    await configured({ runtimeClasses: new Set(["kata"]) });
    await send("POST", "/apis/node.k8s.io/v1/runtimeclasses", { metadata: { name: "kata" }, handler: "kata" });
    const kata = pod("kata", { hostNetwork: true, runtimeClassName: "kata" });
    expect((await send("POST", PODS, kata)).status).toBe(201);
    expect(annotations()).toEqual({ [`${PREFIX}exempt`]: "runtimeClass" });
    await label({ enforce: "privileged" });
    await send("POST", PODS, privileged);
    expect(warningsOf(await label({ enforce: "restricted" }))).toEqual([
      'existing pods in namespace "default" violate the new PodSecurity enforce level "restricted:latest"',
      expect.stringMatching(/^x: /),
    ]);
  });
});
