import { describe, expect, it } from "vitest";
import { createMemoryRuntime, type MemoryRuntimeOptions } from "../../adapters/memory/runtime.ts";
import type { Pod, Secret } from "../../api/types.ts";
import type { RegistryCredentials, SandboxConfig } from "../../ports/container-runtime.ts";
import { createFakeClock, settle } from "../../testing/fake-clock.ts";
import type { PodEvent } from "../pods/pod-events.ts";
import { createImageManager, type EnsuredImage } from "./image-manager.ts";
import { readImageReference } from "./image-reference.ts";
import { createLimited } from "./limited.ts";
import { credentialsFor } from "./registry-credentials.ts";

const SIGNAL = new AbortController().signal;
const POD: Pod = { metadata: { name: "web", namespace: "team", uid: "uid-1" }, spec: { containers: [] } };
const SANDBOX: SandboxConfig = {
  metadata: { name: "web", namespace: "team", uid: "uid-1", attempt: 0 },
  hostname: "",
  logDirectory: "",
  dns: { servers: [], searches: [], options: [] },
  portMappings: [],
  labels: {},
  annotations: {},
  cgroupParent: "",
  sysctls: {},
  security: {
    network: "pod",
    pid: "container",
    ipc: "pod",
    privileged: false,
    supplementalGroups: [],
    seccomp: { type: "RuntimeDefault" },
  },
};

function managerOn(options: MemoryRuntimeOptions) {
  const clock = createFakeClock();
  const events: PodEvent[] = [];
  const runtime = createMemoryRuntime({ clock }, options);
  const manager = createImageManager({
    images: runtime.images,
    clock,
    events: { record: (_, event) => events.push(event) },
  });
  const ensure = (image: string, imagePullPolicy: string): Promise<EnsuredImage> =>
    manager.ensure(
      { pod: POD, container: { name: "app", image, imagePullPolicy }, pullSecrets: [], sandbox: SANDBOX },
      SIGNAL,
    );
  return { clock, events, runtime, ensure };
}

describe("createImageManager()", () => {
  it("pulls only when it has to", async () => {
    const { ensure, runtime } = managerOn({ images: ["here:1"] });
    expect(await ensure("here:1", "IfNotPresent")).toMatchObject({ ok: true, user: { uid: 0 } });
    expect(await ensure("here:1", "Never")).toMatchObject({ ok: true });
    expect(runtime.calls).toEqual([]);
    expect(await ensure("here:1", "Always")).toMatchObject({ ok: true });
    expect(await ensure("there:1", "IfNotPresent")).toMatchObject({ ok: true });
    expect(await ensure("untagged", "IfNotPresent")).toMatchObject({ ok: true });
    expect(runtime.calls).toEqual(["images.pull here:1", "images.pull there:1", "images.pull untagged:latest"]);
  });

  it.each([
    ["there:1", "Never", "ErrImageNeverPull", 'Container image "there:1" is not present with pull policy of Never'],
    [
      "UPPER:1",
      "IfNotPresent",
      "InvalidImageName",
      'Failed to apply default image tag "UPPER:1": couldn\'t parse image name "UPPER:1": invalid reference format: repository name (UPPER) must be lowercase',
    ],
    ["broken:1", "IfNotPresent", "ErrImagePull", "rpc error: code = NotFound desc = no such thing"],
  ])("%s with %s gives %s", async (image, policy, reason, message) => {
    const { ensure, events } = managerOn({ pull: () => "no such thing" });
    expect(await ensure(image, policy)).toMatchObject({ ok: false, reason, message });
    expect(events.at(-1)).toMatchObject({ type: "Warning", reason: "Failed", message: `Error: ${reason}` });
  });

  it("waits between pulls, longer each time", async () => {
    const { ensure, clock, runtime } = managerOn({ pull: () => "no such thing" });
    const pulls = (): number => runtime.calls.filter((call) => call.startsWith("images.pull")).length;
    for (const wait of [10_000, 20_000, 40_000]) {
      const before = pulls();
      expect(await ensure("broken:1", "Always")).toMatchObject({ reason: "ErrImagePull", retryAt: clock.now() + wait });
      await clock.advance(wait - 1);
      expect(await ensure("broken:1", "Always")).toMatchObject({ reason: "ImagePullBackOff" });
      expect(pulls()).toBe(before + 1);
      await clock.advance(1);
    }
  });
});

describe("readImageReference()", () => {
  it.each([
    ["busybox", "busybox:latest", "docker.io/library/busybox"],
    ["curlimages/curl", "curlimages/curl:latest", "docker.io/curlimages/curl"],
    ["localhost:5000/a/b:1", "localhost:5000/a/b:1", "localhost:5000/a/b"],
    [`a.b/c@sha256:${"0".repeat(64)}`, `a.b/c@sha256:${"0".repeat(64)}`, "a.b/c"],
  ])("%s", (text, asked, repository) => {
    expect(readImageReference(text)).toMatchObject({ ok: true, value: { text: asked, repository } });
  });
});

describe("credentialsFor()", () => {
  const secret = (auths: Readonly<Record<string, unknown>>): Secret => ({
    data: { ".dockerconfigjson": btoa(JSON.stringify({ auths })) },
  });
  const login = (name: string) => ({ auth: btoa(`${name}:pass:word`) });
  const namesFor = (repository: string, secrets: readonly Secret[]): readonly string[] =>
    credentialsFor({ repository }, secrets).map(({ username }: RegistryCredentials) => username);

  it("finds the most specific first", () => {
    const secrets = [
      secret({ "reg.example": login("all"), "reg.example/team": login("team"), "other.example": login("x") }),
    ];
    expect(namesFor("reg.example/team/app", secrets)).toEqual(["team", "all"]);
    expect(namesFor("reg.example/teams/app", secrets)).toEqual(["all"]);
    expect(credentialsFor({ repository: "reg.example/a" }, secrets)[0]?.password).toBe("pass:word");
  });

  it("lets a star stand for one label, and the port count", () => {
    const secrets = [secret({ "*.example.com": login("star"), "reg.example.com:5000": login("port") })];
    expect(namesFor("eu.example.com/a", secrets)).toEqual(["star"]);
    expect(namesFor("a.b.example.com/a", secrets)).toEqual([]);
    expect(namesFor("reg.example.com:5000/a", secrets)).toEqual(["port"]);
  });

  it("knows the old address of Docker's registry, and survives nonsense", () => {
    const secrets = [
      { data: { ".dockerconfigjson": "%%%" } },
      { data: { ".dockercfg": btoa(JSON.stringify({ "https://index.docker.io/v1/": login("hub"), bad: 7 })) } },
    ];
    expect(namesFor("docker.io/library/busybox", secrets)).toEqual(["hub"]);
  });
});

describe("createLimited()", () => {
  it("runs no more than allowed at a time, in order, and lets waiting ones go away", async () => {
    const limited = createLimited(2);
    const log: string[] = [];
    const open: (() => void)[] = [];
    const run = (name: string, signal: AbortSignal = SIGNAL): Promise<void> =>
      limited(async () => {
        log.push(name);
        await new Promise<void>((resolve) => open.push(resolve));
      }, signal);
    const leaving = new AbortController();
    const [a, b] = [run("a"), run("b")];
    const c = run("c", leaving.signal);
    const d = run("d");
    await settle();
    expect(log).toEqual(["a", "b"]);
    leaving.abort(new Error("never mind"));
    await expect(c).rejects.toThrow("never mind");
    open.shift()?.();
    await settle();
    expect(log).toEqual(["a", "b", "d"]);
    for (const finish of open) finish();
    await Promise.all([a, b, d]);
  });
});
