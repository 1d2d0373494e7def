import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { call } from "../../../testing/api-calls.ts";
import type { Answer } from "../../../testing/api-calls.ts";
import { startTestApiServer } from "../../../testing/api-server.ts";
import type { TestApiServer } from "../../../testing/api-server.ts";
import { createFakeClock } from "../../../testing/fake-clock.ts";
import { seededRandom } from "../../../testing/quiet.ts";
import { createStandardAdmission } from "../standard-admission.ts";
import type { PodSecurityFinding } from "./pod-security.ts";

const PREFIX = "pod-security.kubernetes.io/";
const PODS = "/api/v1/namespaces/default/pods";
const NEEDS =
  'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), ' +
  'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), ' +
  'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), ' +
  'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")';

let api: TestApiServer;
let findings: PodSecurityFinding[];
beforeEach(async () => {
  findings = [];
  api = await startTestApiServer({
    parts: () => ({
      admission: createStandardAdmission({
        clock: createFakeClock(),
        random: seededRandom(3),
        auditPodSecurity: (finding) => findings.push(finding),
      }),
    }),
  });
});
afterEach(() => api.stop());

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
    expect(findings).toEqual([
      expect.objectContaining({
        kind: "pods",
        violations: 'would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
      }),
    ]);
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
});
