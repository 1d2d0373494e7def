import { createHash } from "node:crypto";
import { join, resolve } from "node:path";

/** Where the private runtime of one data directory keeps everything. Two data directories never share any of it. */
export interface RuntimeLayout {
  /** Eight hexadecimal digits that stand for the data directory in names the whole machine shares. */
  readonly id: string;
  /** Unpacked packages: containerd, runc, network plugins. */
  readonly software: string;
  /** Images and snapshots; kept across reboots. */
  readonly root: string;
  /** Containers' run-time state, network namespaces, sockets. Below /run: a reboot ends the containers and clears it. */
  readonly state: string;
  readonly socket: string;
  /** What `--container-runtime-endpoint` takes. */
  readonly endpoint: string;
  readonly configFile: string;
  readonly registryConfig: string;
  readonly networkConfig: string;
  readonly networkChoice: string;
  readonly pidFile: string;
  readonly logFile: string;
  readonly bridge: string;
  readonly networkName: string;
  readonly packetFilterTable: string;
  /** For the kubelet's cgroupRoot: a tree of its own in every control group hierarchy, so that removing it touches nobody else's. */
  readonly cgroupRoot: string;
}

export function runtimeLayout(dataDir: string, runFolder = "/run/orlop"): RuntimeLayout {
  const id = createHash("sha256").update(resolve(dataDir)).digest("hex").slice(0, 8);
  const own = join(resolve(dataDir), "runtime");
  const run = join(runFolder, id);
  const socket = join(run, "containerd.sock");
  return {
    id,
    software: join(own, "software"),
    root: join(own, "containerd"),
    state: join(run, "state"),
    socket,
    endpoint: `unix://${socket}`,
    configFile: join(own, "config.toml"),
    registryConfig: join(own, "certs.d"),
    networkConfig: join(own, "cni"),
    networkChoice: join(own, "network.json"),
    pidFile: join(run, "containerd.pid"),
    logFile: join(own, "containerd.log"),
    bridge: `orlop${id}`,
    networkName: `orlop-${id}`,
    packetFilterTable: `orlop_${id}`,
    cgroupRoot: `/orlop-${id}`,
  };
}
