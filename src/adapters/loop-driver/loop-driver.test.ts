import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LOOP_DRIVER, LOOP_TOPOLOGY_KEY } from "../../api/loop-driver.ts";
import { quietLog } from "../../testing/quiet.ts";
import {
  ControllerDefinition,
  ControllerServiceCapability_RPC_Type,
  IdentityDefinition,
  NodeDefinition,
  NodeServiceCapability_RPC_Type,
  type VolumeCapability,
  VolumeCapability_AccessMode_Mode as Mode,
} from "../csi/generated/csi.ts";
import { RegistrationDefinition } from "../csi/generated/plugin-registration.ts";
import { createGrpcConnection, type GrpcConnection, type Method } from "../grpc/connection.ts";
import { createLinuxMounts } from "../linux/mounts.ts";
import { createLoopDevices } from "./loop-devices.ts";
import { createLoopDriver, loopDriverSocket } from "./loop-driver.ts";

const MEBIBYTE = 2 ** 20;
const controller = ControllerDefinition.methods;
const node = NodeDefinition.methods;

/** Whether this host lets us attach, format and mount at all. */
function loopProblem(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "orlop-loop-probe-"));
  try {
    writeFileSync(join(folder, "image"), Buffer.alloc(16 * MEBIBYTE));
    const device = execFileSync("losetup", ["--find", "--show", join(folder, "image")], { stdio: "pipe" })
      .toString()
      .trim();
    execFileSync("losetup", ["--detach", device], { stdio: "pipe" });
    return undefined;
  } catch (reason) {
    return String(reason).split("\n")[0];
  } finally {
    rmSync(folder, { recursive: true });
  }
}
const problem = loopProblem();
/** File systems this host can make. */
const filesystems = ["ext4", "xfs"].filter((kind) => {
  const found = ["/sbin", "/usr/sbin"].some((folder) => existsSync(`${folder}/mkfs.${kind}`));
  if (!found) process.stderr.write(`${kind} is not tested here: mkfs.${kind} is not installed\n`);
  return found;
});
if (problem !== undefined) process.stderr.write(`the CSI driver is not tested with loop devices here: ${problem}\n`);

/** A driver in this process, spoken to over its socket, on real loop devices. */
class Running {
  readonly folder = mkdtempSync(join(tmpdir(), "orlop-loop-driver-"));
  readonly volumes = join(this.folder, "volumes");
  #stopping = new AbortController();
  #ended: Promise<void> = Promise.resolve();
  #connection: GrpcConnection | undefined;

  async start(): Promise<void> {
    this.#stopping = new AbortController();
    const driver = createLoopDriver(
      { mounts: createLinuxMounts(), log: quietLog() },
      { directory: this.volumes, kubeletRoot: this.folder, nodeName: "n1" },
    );
    await new Promise<void>((resolve, reject) => {
      this.#ended = driver.run(this.#stopping.signal, resolve);
      this.#ended.catch(reject);
    });
    this.#connection = createGrpcConnection(`unix://${loopDriverSocket(this.folder)}`);
  }

  async stop(): Promise<void> {
    this.#connection?.close();
    this.#stopping.abort();
    await this.#ended;
  }

  async destroy(): Promise<void> {
    await this.stop();
    const mounted = readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .map((line) => line.split(" ")[4] ?? "");
    for (const target of mounted.filter((path) => path.startsWith(this.folder)).toReversed())
      execFileSync("umount", [target]);
    rmSync(this.folder, { recursive: true });
  }

  async #call<Request, Response>(
    service: string,
    method: Method<Request, Response>,
    request: Partial<Request>,
  ): Promise<Response> {
    // As from the wire: what is not set has the value protobuf gives it.
    const { requestType } = method as unknown as { requestType: { fromPartial(value: object): Request } };
    const limits = { signal: new AbortController().signal, deadlineMs: 20_000 };
    if (this.#connection === undefined) throw new Error("the driver does not run");
    return await this.#connection.unary(service, method, requestType.fromPartial(request), limits);
  }
  identity<Q, A>(method: Method<Q, A>, request: Partial<Q> = {}): Promise<A> {
    return this.#call(IdentityDefinition.fullName, method, request);
  }
  controller<Q, A>(method: Method<Q, A>, request: Partial<Q> = {}): Promise<A> {
    return this.#call(ControllerDefinition.fullName, method, request);
  }
  node<Q, A>(method: Method<Q, A>, request: Partial<Q> = {}): Promise<A> {
    return this.#call(NodeDefinition.fullName, method, request);
  }

  /** Loop devices of images of this driver. */
  async devices(): Promise<readonly string[]> {
    return (await createLoopDevices().list())
      .filter(({ backingFile }) => backingFile.startsWith(this.folder))
      .map(({ device }) => device);
  }
  path(name: string): string {
    return join(this.folder, name);
  }
}

function capability(wish: { mode?: Mode; fsType?: string; flags?: string[] } = {}): VolumeCapability {
  return {
    block: undefined,
    mount: { fsType: wish.fsType ?? "ext4", mountFlags: wish.flags ?? [], volumeMountGroup: "" },
    accessMode: { mode: wish.mode ?? Mode.SINGLE_NODE_WRITER },
  };
}
const size = (required: number, limit = 0) => ({ requiredBytes: BigInt(required), limitBytes: BigInt(limit) });
/** The gRPC status a call ends with. */
async function statusOf(call: Promise<unknown>): Promise<string> {
  return await call.then(
    () => "OK",
    (reason: { readonly cause?: { readonly code?: number } }) => status[reason.cause?.code ?? -1] ?? String(reason),
  );
}

/** Whether this process has CAP_SYS_RESOURCE (bit 24): some hosts take it even from root. */
function mayGrowExt4(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return ((BigInt(`0x${effective}`) >> 24n) & 1n) === 1n;
}

describe.skipIf(problem !== undefined)("loop driver", () => {
  let driver: Running;
  beforeEach(async () => {
    driver = new Running();
    await driver.start();
  });
  afterEach(() => driver.destroy());

  const create = async (name = "pvc-1", more: object = {}): Promise<string> => {
    const answer = await driver.controller(controller.createVolume, {
      name,
      capacityRange: size(32 * MEBIBYTE),
      volumeCapabilities: [capability()],
      ...more,
    });
    return answer.volume?.volumeId ?? "";
  };
  const stage = (volumeId: string, more: object = {}): Promise<unknown> =>
    driver.node(node.nodeStageVolume, {
      volumeId,
      stagingTargetPath: driver.path("staging"),
      volumeCapability: capability(),
      ...more,
    });
  const publish = (volumeId: string, target = "pod", more: object = {}): Promise<unknown> =>
    driver.node(node.nodePublishVolume, {
      volumeId,
      stagingTargetPath: driver.path("staging"),
      targetPath: driver.path(target),
      volumeCapability: capability(),
      ...more,
    });
  const unpublish = (volumeId: string, target = "pod"): Promise<unknown> =>
    driver.node(node.nodeUnpublishVolume, { volumeId, targetPath: driver.path(target) });
  const unstage = (volumeId: string): Promise<unknown> =>
    driver.node(node.nodeUnstageVolume, { volumeId, stagingTargetPath: driver.path("staging") });

  it("says who it is and what it can do", async () => {
    const methods = IdentityDefinition.methods;
    expect(await driver.identity(methods.getPluginInfo)).toMatchObject({ name: LOOP_DRIVER });
    expect(await driver.identity(methods.probe)).toEqual({ ready: { value: true } });
    const { capabilities } = await driver.node(node.nodeGetCapabilities);
    expect(capabilities.map(({ rpc }) => rpc?.type)).toContain(NodeServiceCapability_RPC_Type.STAGE_UNSTAGE_VOLUME);
    const own = await driver.controller(controller.controllerGetCapabilities);
    expect(own.capabilities.map(({ rpc }) => rpc?.type)).toContain(ControllerServiceCapability_RPC_Type.EXPAND_VOLUME);
    expect(await driver.node(node.nodeGetInfo)).toMatchObject({
      nodeId: "n1",
      accessibleTopology: { segments: { [LOOP_TOPOLOGY_KEY]: "n1" } },
    });
  });

  it("registers as a CSI plugin, on sockets only root may use", async () => {
    const socket = driver.path(`plugins_registry/${LOOP_DRIVER}-reg.sock`);
    const connection = createGrpcConnection(`unix://${socket}`);
    const { fullName, methods } = RegistrationDefinition;
    const limits = { signal: new AbortController().signal, deadlineMs: 5_000 };
    const information = await connection.unary(fullName, methods.getInfo, {}, limits);
    connection.close();
    expect(information).toEqual({
      type: "CSIPlugin",
      name: LOOP_DRIVER,
      endpoint: loopDriverSocket(driver.folder),
      supportedVersions: ["1.0.0"],
    });
    for (const path of [socket, information.endpoint]) expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  // The field that is missing or wrong, and the status that follows.
  const good = {
    volumeId: "none",
    volumeCapability: capability(),
    stagingTargetPath: "/nonexistent/s",
    targetPath: "/nonexistent/t",
  };
  const refusals: readonly (readonly [string, () => Promise<unknown>, string])[] = [
    ["CreateVolume without name", () => create(""), "INVALID_ARGUMENT"],
    ["CreateVolume without capabilities", () => create("v", { volumeCapabilities: [] }), "INVALID_ARGUMENT"],
    [
      "CreateVolume for a block device",
      () => create("v", { volumeCapabilities: [{ ...capability(), mount: undefined, block: {} }] }),
      "INVALID_ARGUMENT",
    ],
    [
      "CreateVolume with an unknown file system",
      () => create("v", { volumeCapabilities: [capability({ fsType: "ntfs" })] }),
      "INVALID_ARGUMENT",
    ],
    ["CreateVolume with an unknown parameter", () => create("v", { parameters: { tpye: "ext4" } }), "INVALID_ARGUMENT"],
    [
      "CreateVolume from a snapshot",
      () => create("v", { volumeContentSource: { snapshot: { snapshotId: "s" }, volume: undefined } }),
      "INVALID_ARGUMENT",
    ],
    [
      "CreateVolume with limit below requirement",
      () => create("v", { capacityRange: size(64 * MEBIBYTE, 32 * MEBIBYTE) }),
      "INVALID_ARGUMENT",
    ],
    [
      "CreateVolume with less than a file system takes",
      () => create("v", { capacityRange: size(1, MEBIBYTE) }),
      "OUT_OF_RANGE",
    ],
    ["CreateVolume larger than the disk", () => create("v", { capacityRange: size(2 ** 52) }), "RESOURCE_EXHAUSTED"],
    [
      "CreateVolume on another node",
      () =>
        create("v", {
          accessibilityRequirements: { requisite: [{ segments: { [LOOP_TOPOLOGY_KEY]: "n2" } }], preferred: [] },
        }),
      "RESOURCE_EXHAUSTED",
    ],
    ["DeleteVolume without ID", () => driver.controller(controller.deleteVolume, {}), "INVALID_ARGUMENT"],
    ["DeleteVolume of what is not there", () => driver.controller(controller.deleteVolume, { volumeId: "none" }), "OK"],
    ["DeleteVolume of a path", () => driver.controller(controller.deleteVolume, { volumeId: "../volumes" }), "OK"],
    [
      "ValidateVolumeCapabilities without ID",
      () => driver.controller(controller.validateVolumeCapabilities, { volumeCapabilities: [capability()] }),
      "INVALID_ARGUMENT",
    ],
    [
      "ValidateVolumeCapabilities of what is not there",
      () =>
        driver.controller(controller.validateVolumeCapabilities, {
          volumeId: "none",
          volumeCapabilities: [capability()],
        }),
      "NOT_FOUND",
    ],
    [
      "ListVolumes from a page that is not",
      () => driver.controller(controller.listVolumes, { startingToken: "none" }),
      "ABORTED",
    ],
    [
      "ControllerExpandVolume without ID",
      () => driver.controller(controller.controllerExpandVolume, { capacityRange: size(1) }),
      "INVALID_ARGUMENT",
    ],
    [
      "ControllerExpandVolume without range",
      () => driver.controller(controller.controllerExpandVolume, { volumeId: "none" }),
      "INVALID_ARGUMENT",
    ],
    [
      "ControllerExpandVolume of what is not there",
      () => driver.controller(controller.controllerExpandVolume, { volumeId: "none", capacityRange: size(1) }),
      "NOT_FOUND",
    ],
    [
      "NodeStageVolume without ID",
      () => driver.node(node.nodeStageVolume, { ...good, volumeId: "" }),
      "INVALID_ARGUMENT",
    ],
    [
      "NodeStageVolume without path",
      () => driver.node(node.nodeStageVolume, { ...good, stagingTargetPath: "" }),
      "INVALID_ARGUMENT",
    ],
    [
      "NodeStageVolume without capability",
      () => driver.node(node.nodeStageVolume, { ...good, volumeCapability: undefined }),
      "INVALID_ARGUMENT",
    ],
    ["NodeStageVolume of what is not there", () => driver.node(node.nodeStageVolume, good), "NOT_FOUND"],
    [
      "NodeUnstageVolume without ID",
      () => driver.node(node.nodeUnstageVolume, { ...good, volumeId: "" }),
      "INVALID_ARGUMENT",
    ],
    [
      "NodeUnstageVolume without path",
      () => driver.node(node.nodeUnstageVolume, { ...good, stagingTargetPath: "" }),
      "INVALID_ARGUMENT",
    ],
    ["NodeUnstageVolume of what is not there", () => driver.node(node.nodeUnstageVolume, good), "OK"],
    [
      "NodePublishVolume without ID",
      () => driver.node(node.nodePublishVolume, { ...good, volumeId: "" }),
      "INVALID_ARGUMENT",
    ],
    [
      "NodePublishVolume without path",
      () => driver.node(node.nodePublishVolume, { ...good, targetPath: "" }),
      "INVALID_ARGUMENT",
    ],
    [
      "NodePublishVolume without capability",
      () => driver.node(node.nodePublishVolume, { ...good, volumeCapability: undefined }),
      "INVALID_ARGUMENT",
    ],
    ["NodePublishVolume of what is not there", () => driver.node(node.nodePublishVolume, good), "NOT_FOUND"],
    [
      "NodeUnpublishVolume without ID",
      () => driver.node(node.nodeUnpublishVolume, { ...good, volumeId: "" }),
      "INVALID_ARGUMENT",
    ],
    [
      "NodeUnpublishVolume without path",
      () => driver.node(node.nodeUnpublishVolume, { ...good, targetPath: "" }),
      "INVALID_ARGUMENT",
    ],
    [
      "NodeGetVolumeStats without ID",
      () => driver.node(node.nodeGetVolumeStats, { volumePath: "/" }),
      "INVALID_ARGUMENT",
    ],
    [
      "NodeGetVolumeStats without path",
      () => driver.node(node.nodeGetVolumeStats, { volumeId: "none" }),
      "INVALID_ARGUMENT",
    ],
    [
      "NodeGetVolumeStats of what is not there",
      () => driver.node(node.nodeGetVolumeStats, { volumeId: "none", volumePath: "/" }),
      "NOT_FOUND",
    ],
    ["NodeExpandVolume without ID", () => driver.node(node.nodeExpandVolume, { volumePath: "/" }), "INVALID_ARGUMENT"],
    [
      "NodeExpandVolume without path",
      () => driver.node(node.nodeExpandVolume, { volumeId: "none" }),
      "INVALID_ARGUMENT",
    ],
    [
      "NodeExpandVolume of what is not there",
      () => driver.node(node.nodeExpandVolume, { volumeId: "none", volumePath: "/" }),
      "NOT_FOUND",
    ],
  ];
  it.each(refusals)("answers %s", async (_what, call, expected) => {
    expect(await statusOf(call())).toBe(expected);
    expect(readdirSync(driver.volumes)).toEqual([]);
  });

  it("gives the same volume for the same name, and refuses the name for another one", async () => {
    const first = await create();
    expect(await create()).toBe(first);
    expect(await statusOf(create("pvc-1", { capacityRange: size(64 * MEBIBYTE) }))).toBe("ALREADY_EXISTS");
    expect(await statusOf(create("pvc-1", { volumeCapabilities: [capability({ fsType: "xfs" })] }))).toBe(
      "ALREADY_EXISTS",
    );
    expect(await create("a name/with §")).not.toContain("/");
    const { entries } = await driver.controller(controller.listVolumes, { maxEntries: 0 });
    expect(entries).toHaveLength(2);
  });

  it("keeps images to root, sparse, and makes ten volumes at once only once each", async () => {
    const made = await Promise.all(Array.from({ length: 10 }, () => create("pvc-2")));
    expect(new Set(made).size).toBe(1);
    const folder = join(driver.volumes, "pvc-2");
    expect(statSync(driver.volumes).mode & 0o777).toBe(0o700);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const image = statSync(join(folder, "image"));
    expect(image.mode & 0o777).toBe(0o600);
    expect(image.size).toBe(32 * MEBIBYTE);
    expect(image.blocks * 512).toBeLessThan(MEBIBYTE);
  });

  it("lists in pages and validates what a volume can be used as", async () => {
    for (const name of ["a", "b", "c"]) await create(name);
    const first = await driver.controller(controller.listVolumes, { maxEntries: 2 });
    expect(first.entries.map(({ volume }) => volume?.volumeId)).toEqual(["a", "b"]);
    const second = await driver.controller(controller.listVolumes, { maxEntries: 2, startingToken: first.nextToken });
    expect(second.entries.map(({ volume }) => volume?.volumeId)).toEqual(["c"]);
    expect(second.nextToken).toBe("");
    const validate = (fsType: string) =>
      driver.controller(controller.validateVolumeCapabilities, {
        volumeId: "a",
        volumeCapabilities: [capability({ fsType })],
      });
    expect((await validate("ext4")).confirmed).toBeDefined();
    expect(await validate("xfs")).toMatchObject({ confirmed: undefined, message: "the volume has ext4, not xfs" });
    const here = { segments: { [LOOP_TOPOLOGY_KEY]: "n1" } };
    const elsewhere = { segments: { [LOOP_TOPOLOGY_KEY]: "n2" } };
    const capacity = async (accessibleTopology: typeof here) =>
      (await driver.controller(controller.getCapacity, { accessibleTopology })).availableCapacity;
    expect(await capacity(here)).toBeGreaterThan(0n);
    expect(await capacity(elsewhere)).toBe(0n);
  });

  it.each(filesystems)("stages and publishes %s, keeps what is written, and leaves nothing behind", async (fsType) => {
    const id = await create("pvc-3", {
      volumeCapabilities: [capability({ fsType })],
      capacityRange: size(300 * MEBIBYTE),
    });
    const wish = { volumeCapability: capability({ fsType, flags: ["noatime"] }) };
    await stage(id, wish);
    await stage(id, wish);
    await publish(id, "pod", wish);
    await publish(id, "pod", wish);
    writeFileSync(driver.path("pod/file"), "kept");
    expect(readFileSync("/proc/self/mountinfo", "utf8")).toMatch(new RegExp(`${driver.path("staging")} rw,noatime `));
    const { usage } = await driver.node(node.nodeGetVolumeStats, { volumeId: id, volumePath: driver.path("pod") });
    expect(Number(usage[0]?.total)).toBeGreaterThan(200 * MEBIBYTE);
    expect(await statusOf(driver.controller(controller.deleteVolume, { volumeId: id }))).toBe("FAILED_PRECONDITION");
    for (const again of [1, 2]) {
      await unpublish(id);
      expect(existsSync(driver.path("pod")), `after ${again}`).toBe(false);
    }
    for (const _again of [1, 2]) await unstage(id);
    expect(await driver.devices()).toEqual([]);
    await stage(id, wish);
    await publish(id, "pod2", { ...wish, readonly: true });
    expect(readFileSync(driver.path("pod2/file"), "utf8")).toBe("kept");
    expect(() => writeFileSync(driver.path("pod2/file"), "changed")).toThrow("EROFS");
    await unpublish(id, "pod2");
    await unstage(id);
    await driver.controller(controller.deleteVolume, { volumeId: id });
    expect(readdirSync(driver.volumes)).toEqual([]);
    expect(await driver.devices()).toEqual([]);
  });

  it("publishes only what is staged, to one place only for a single writer, and never over something else", async () => {
    const id = await create();
    expect(await statusOf(publish(id))).toBe("FAILED_PRECONDITION");
    await stage(id);
    const single = { volumeCapability: capability({ mode: Mode.SINGLE_NODE_SINGLE_WRITER }) };
    await publish(id, "pod", single);
    expect(await statusOf(publish(id, "pod2", single))).toBe("FAILED_PRECONDITION");
    const other = await create("pvc-other");
    expect(await statusOf(stage(other))).toBe("ALREADY_EXISTS");
    expect(
      await statusOf(driver.node(node.nodeUnpublishVolume, { volumeId: other, targetPath: driver.path("pod") })),
    ).toBe("FAILED_PRECONDITION");
    const multi = { volumeCapability: capability({ mode: Mode.MULTI_NODE_MULTI_WRITER }) };
    await publish(id, "pod3", multi);
    await publish(id, "pod4", multi);
    writeFileSync(driver.path("pod3/shared"), "seen by both");
    expect(readFileSync(driver.path("pod4/shared"), "utf8")).toBe("seen by both");
  });

  it("is none the wiser after a restart than before: mounts and volumes are found again", async () => {
    const id = await create();
    await stage(id);
    await publish(id);
    writeFileSync(driver.path("pod/file"), "kept");
    await driver.stop();
    // An image that was attached by a run that ended before it could mount, and a volume that was half made.
    const image = join(driver.volumes, id, "image");
    const leaked = join(driver.volumes, ".new-half");
    execFileSync("mkdir", [leaked]);
    execFileSync("cp", ["--sparse=always", image, join(leaked, "image")]);
    execFileSync("losetup", ["--find", join(leaked, "image")]);
    await driver.start();
    expect(await driver.devices()).toHaveLength(1);
    expect(readdirSync(driver.volumes)).toEqual([id]);
    await stage(id);
    await publish(id);
    expect(readFileSync(driver.path("pod/file"), "utf8")).toBe("kept");
    await unpublish(id);
    await unstage(id);
    expect(await driver.devices()).toEqual([]);
  });

  it("makes and deletes inline volumes with the pod's mount", async () => {
    const inline = { volumeContext: { "csi.storage.k8s.io/ephemeral": "true", size: "20Mi" }, stagingTargetPath: "" };
    await publish("csi-inline", "pod", inline);
    await publish("csi-inline", "pod", inline);
    writeFileSync(driver.path("pod/file"), "x");
    expect((await driver.controller(controller.listVolumes, {})).entries).toEqual([]);
    await unpublish("csi-inline");
    expect(readdirSync(driver.volumes)).toEqual([]);
    expect(await driver.devices()).toEqual([]);
    const bad = { volumeContext: { ...inline.volumeContext, size: "much" }, stagingTargetPath: "" };
    expect(await statusOf(publish("csi-inline", "pod", bad))).toBe("INVALID_ARGUMENT");
    expect(await statusOf(publish("../../etc", "pod", inline))).toBe("INVALID_ARGUMENT");
  });

  it.for(filesystems)("grows the image, then %s while it is mounted", async (fsType) => {
    const wish = { volumeCapability: capability({ fsType }) };
    const id = await create("pvc-4", {
      volumeCapabilities: [capability({ fsType })],
      capacityRange: size(300 * MEBIBYTE),
    });
    await stage(id, wish);
    const grow = (bytes: number, limit = 0) =>
      driver.controller(controller.controllerExpandVolume, { volumeId: id, capacityRange: size(bytes, limit) });
    const growOnNode = (bytes: number) =>
      driver.node(node.nodeExpandVolume, {
        volumeId: id,
        volumePath: driver.path("staging"),
        capacityRange: size(bytes),
      });
    const larger = 600 * MEBIBYTE;
    expect(await statusOf(growOnNode(larger))).toBe("OUT_OF_RANGE");
    expect(await grow(larger)).toEqual({ capacityBytes: BigInt(larger), nodeExpansionRequired: true });
    expect((await grow(MEBIBYTE)).capacityBytes).toBe(BigInt(larger));
    expect(await statusOf(grow(2 ** 52))).toBe("RESOURCE_EXHAUSTED");
    if (fsType === "ext4" && !mayGrowExt4()) {
      await expect(growOnNode(larger)).rejects.toThrow(/resize2fs: .*CAP_SYS_RESOURCE.*xfs/s);
      return;
    }
    expect(await statusOf(growOnNode(larger))).toBe("OK");
    expect(await statusOf(growOnNode(larger))).toBe("OK");
    const { usage } = await driver.node(node.nodeGetVolumeStats, { volumeId: id, volumePath: driver.path("staging") });
    expect(Number(usage[0]?.total)).toBeGreaterThan(400 * MEBIBYTE);
  });

  it("leaves a volume alone whose record it can not read", async () => {
    const id = await create();
    writeFileSync(join(driver.volumes, id, "volume.json"), "{");
    expect(await statusOf(stage(id))).toBe("INTERNAL");
    expect(await statusOf(driver.controller(controller.deleteVolume, { volumeId: id }))).toBe("INTERNAL");
    expect(existsSync(join(driver.volumes, id, "image"))).toBe(true);
  });
});
