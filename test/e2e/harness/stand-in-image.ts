import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createImageStore } from "../../../src/adapters/images/image-store.ts";
import { importImages } from "../../../src/adapters/images/import-images.ts";
import { folderEntries } from "../../../src/adapters/images/tar.ts";
import { runtimeLayout } from "../../../src/adapters/runtime/runtime-layout.ts";
import { runCommand, type TestCluster } from "./cluster.ts";

const BASE = "docker.io/library/busybox:latest";

/**
 * Gives a cluster's runtime an image under a name that no registry can be asked for here: busybox with a command that
 * stays, and an /etc/os-release that says so. Only for tests: nothing of it gets into the image store.
 */
export async function standInImage(cluster: TestCluster, name: string): Promise<void> {
  const layout = runtimeLayout(cluster.dataDir);
  const ctr = join(layout.software, "usr/bin/ctr");
  const call = async (...args: readonly string[]): Promise<void> => {
    const { code, stderr } = await runCommand(ctr, ["--address", layout.socket, "--namespace", "k8s.io", ...args]);
    if (code !== 0) throw new Error(`ctr ${args.join(" ")} exited with ${code}: ${stderr}`);
  };
  const work = await mkdtemp(join(tmpdir(), "orlop-image-"));
  const mount = join(work, "mount");
  const root = join(work, "root");
  try {
    await mkdir(mount);
    await call("images", "mount", BASE, mount);
    await runCommand("cp", ["-a", mount, root]);
    await call("images", "unmount", "--rm", mount);
    await writeFile(
      join(root, "etc/os-release"),
      `NAME="stand-in for ${name}"\nPRETTY_NAME="busybox, locally built as a stand-in for ${name}"\n`,
    );
    const architecture = process.arch === "arm64" ? "arm64" : "amd64";
    const store = createImageStore({ folder: join(work, "store"), architecture });
    const config = {
      Cmd: ["sleep", "1000000"],
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    };
    await store.add({ names: [name], config, layer: folderEntries(root) });
    const signal = AbortSignal.timeout(60_000);
    await importImages(store, { socket: layout.socket, ctr, workFolder: work, names: [name], signal });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
