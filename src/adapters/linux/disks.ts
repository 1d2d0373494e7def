import { readdir, readFile, realpath, stat, writeFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { HostDisks, IscsiLogin } from "../../ports/host-disks.ts";
import { runProgram } from "./run-program.ts";

const DEVICE_WAIT_MS = 30_000;
const LOOK_MS = 250;
/** iscsiadm: no such session, no such record: what is to go is gone. */
const NOTHING_THERE = [2, 21];
const SESSION_EXISTS = 15;
const RECORD_FOLDERS = ["/etc/iscsi/nodes", "/var/lib/iscsi/nodes"];

/** Disks through open-iscsi, sysfs, blkid and mkfs. */
export function createLinuxDisks(): HostDisks {
  return { attachIscsi, detachIscsi, findFibreChannel, removeDisk, prepareFilesystem };
}

async function run(
  file: string,
  parameters: readonly string[],
  signal: AbortSignal,
  fine: readonly number[] = [],
): Promise<{ readonly exitCode: number; readonly stdout: string }> {
  const result = await runProgram(file, parameters, signal);
  if (result.exitCode === 0 || fine.includes(result.exitCode)) return result;
  const text = (result.stderr || result.stdout).trim();
  throw new OrlopError(
    "Unavailable",
    `${file} ${parameters.join(" ")} failed (exit status ${result.exitCode}): ${text}`,
  );
}

async function attachIscsi(login: IscsiLogin, signal: AbortSignal): Promise<string> {
  const { iqn, lun, interfaceName, initiatorName } = login;
  if (initiatorName !== undefined) await makeInterface(interfaceName, initiatorName, signal);
  const failures: unknown[] = [];
  for (const portal of login.portals) {
    const node = ["-m", "node", "-T", iqn, "-p", portal, "-I", interfaceName];
    try {
      // A record made by hand needs no discovery, so that the target's other disks stay unknown to this host.
      await run("iscsiadm", [...node, "-o", "new"], signal);
      await run("iscsiadm", [...node, "-o", "update", "-n", "node.startup", "-v", "manual"], signal);
      await run("iscsiadm", [...node, "-o", "update", "-n", "node.session.scan", "-v", "manual"], signal);
      if (Object.keys(login.chap).length > 0) await writeSecrets(login, portal);
      await run("iscsiadm", [...node, "--login"], signal, [SESSION_EXISTS]);
    } catch (failure) {
      signal.throwIfAborted();
      failures.push(failure);
    }
  }
  if (failures.length === login.portals.length) {
    throw new OrlopError("Unavailable", `cannot log in to any portal of ${iqn}: ${failures.map(String).join("; ")}`);
  }
  for (const until = Date.now() + DEVICE_WAIT_MS; ; await pause(LOOK_MS, undefined, { signal })) {
    const devices = await devicesOf(iqn, lun, true);
    const [first] = devices;
    if (first !== undefined) return (await multipathOf(devices)) ?? `/dev/${first}`;
    if (Date.now() > until) {
      throw new OrlopError("Timeout", `timed out waiting for unit ${lun} of ${iqn} to appear after the login`);
    }
  }
}

async function detachIscsi(login: IscsiLogin, keepSession: boolean, signal: AbortSignal): Promise<void> {
  const { iqn, lun, interfaceName, initiatorName } = login;
  const devices = await devicesOf(iqn, lun, false);
  const multipath = await multipathOf(devices);
  if (multipath !== undefined) await run("multipath", ["-f", multipath], signal);
  for (const device of devices) await removeDisk(`/dev/${device}`, signal);
  if (keepSession) return;
  for (const portal of login.portals) {
    const node = ["-m", "node", "-T", iqn, "-p", portal, "-I", interfaceName];
    await run("iscsiadm", [...node, "--logout"], signal, NOTHING_THERE);
    await run("iscsiadm", [...node, "-o", "delete"], signal, NOTHING_THERE);
  }
  if (initiatorName !== undefined) {
    await run("iscsiadm", ["-m", "iface", "-I", interfaceName, "-o", "delete"], signal, NOTHING_THERE);
  }
}

async function makeInterface(name: string, initiatorName: string, signal: AbortSignal): Promise<void> {
  const own = ["-m", "iface", "-I", name];
  await run("iscsiadm", [...own, "-o", "new"], signal, [SESSION_EXISTS]);
  await run("iscsiadm", [...own, "-o", "update", "-n", "iface.initiatorname", "-v", initiatorName], signal, [
    SESSION_EXISTS,
  ]);
}

/** Into the record's file, which only root may read: arguments of a program can be read by everybody. */
async function writeSecrets({ iqn, interfaceName, chap }: IscsiLogin, portal: string): Promise<void> {
  const path = await recordPath(iqn, portal, interfaceName);
  const names = new Set(["authmethod", ...Object.keys(chap)].map((name) => `node.session.auth.${name}`));
  const kept = (await readFile(path, "utf8")).split("\n").filter((line) => {
    const name = line.split("=")[0]?.trim() ?? "";
    return !names.has(name) && name !== "";
  });
  const end = kept.findLastIndex((line) => line.startsWith("# END RECORD"));
  const own = ["node.session.auth.authmethod = CHAP"];
  for (const [name, value] of Object.entries(chap)) {
    if (/[\n\r]/.test(value)) throw new OrlopError("Invalid", `the CHAP setting ${name} of ${iqn} holds a line break`);
    own.push(`node.session.auth.${name} = ${value}`);
  }
  const at = end < 0 ? kept.length : end;
  await writeFile(path, `${[...kept.slice(0, at), ...own, ...kept.slice(at)].join("\n")}\n`, { mode: 0o600 });
}

/** NODES/IQN/IP,PORT[,GROUP] is the record, or a folder with one for each interface. */
async function recordPath(iqn: string, portal: string, interfaceName: string): Promise<string> {
  const at = portal.lastIndexOf(":");
  const prefix = `${portal.slice(0, at).replaceAll(/[[\]]/g, "")},${portal.slice(at + 1)}`;
  for (const folder of RECORD_FOLDERS) {
    const names = await readdir(`${folder}/${iqn}`).catch(() => []);
    const name = names.find((each) => each === prefix || each.startsWith(`${prefix},`));
    if (name === undefined) continue;
    const path = `${folder}/${iqn}/${name}`;
    return (await stat(path)).isDirectory() ? `${path}/${interfaceName}` : path;
  }
  throw new OrlopError("Internal", `cannot find the record of ${iqn} at ${portal} in ${RECORD_FOLDERS.join(" or ")}`);
}

/** Names like "sda" of a unit of a target, in all sessions. @param scan whether the kernel looks for it first */
async function devicesOf(iqn: string, lun: number, scan: boolean): Promise<readonly string[]> {
  const root = "/sys/class/iscsi_session";
  const found: string[] = [];
  for (const session of await readdir(root).catch(() => [])) {
    const target = await readFile(`${root}/${session}/targetname`, "utf8").catch(() => "");
    if (target.trim() !== iqn) continue;
    const device = `${root}/${session}/device`;
    // This one unit only: what else the target has is not for this host to know.
    const host = /host(\d+)/.exec(await realpath(device))?.[1];
    if (scan && host !== undefined) await writeFile(`/sys/class/scsi_host/host${host}/scan`, `0 0 ${lun}`);
    for (const unit of (await readdir(device)).filter((name) => name.startsWith("target"))) {
      for (const address of await readdir(`${device}/${unit}`).catch(() => [])) {
        if (!/^\d+:\d+:\d+:\d+$/.test(address) || address.split(":")[3] !== String(lun)) continue;
        found.push(...(await readdir(`${device}/${unit}/${address}/block`).catch(() => [])));
      }
    }
  }
  return found.toSorted();
}

/** The multipath device over any of the disks. */
async function multipathOf(devices: readonly string[]): Promise<string | undefined> {
  for (const device of devices) {
    for (const holder of await readdir(`/sys/block/${device}/holders`).catch(() => [])) {
      const uuid = await readFile(`/sys/block/${holder}/dm/uuid`, "utf8").catch(() => "");
      if (uuid.startsWith("mpath-")) return `/dev/${holder}`;
    }
  }
  return undefined;
}

async function findFibreChannel(
  { folder, name }: { readonly folder: string; readonly name: RegExp },
  signal: AbortSignal,
): Promise<string> {
  const look = async (): Promise<string | undefined> => {
    const links = (await readdir(folder).catch(() => [])).filter((each) => name.test(each));
    const devices = await Promise.all(
      links.map(async (link) => (await realpath(`${folder}/${link}`)).slice("/dev/".length)),
    );
    const [first] = devices;
    return first === undefined ? undefined : ((await multipathOf(devices)) ?? `/dev/${first}`);
  };
  const known = await look();
  if (known !== undefined) return known;
  for (const host of await readdir("/sys/class/scsi_host").catch(() => [])) {
    await writeFile(`/sys/class/scsi_host/${host}/scan`, "- - -").catch(() => undefined);
  }
  for (const until = Date.now() + DEVICE_WAIT_MS; Date.now() < until; await pause(LOOK_MS, undefined, { signal })) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new OrlopError("NotFound", `no fc disk found: no link in ${folder} matches ${name.source}`, {
    retry: "backoff",
  });
}

async function removeDisk(device: string, signal: AbortSignal): Promise<void> {
  const name = device.slice("/dev/".length);
  const slaves = await readdir(`/sys/block/${name}/slaves`).catch(() => []);
  if (name.startsWith("dm-")) {
    await run("multipath", ["-f", device], signal);
    for (const slave of slaves) await removeDisk(`/dev/${slave}`, signal);
    return;
  }
  await run("blockdev", ["--flushbufs", device], signal).catch(() => undefined);
  await writeFile(`/sys/block/${name}/device/delete`, "1").catch(() => undefined);
}

async function prepareFilesystem(
  device: string,
  fsType: string,
  readOnly: boolean,
  signal: AbortSignal,
): Promise<void> {
  const probe = await run("blkid", ["-p", "-s", "TYPE", "-s", "PTTYPE", "-o", "export", device], signal, [2]);
  if (probe.exitCode === 0) {
    if (/^PTTYPE=/m.test(probe.stdout) && !/^TYPE=/m.test(probe.stdout)) {
      throw new OrlopError("Conflict", `disk ${device} has a partition table and no file system: it is left alone`);
    }
    // 1: errors were corrected. 8: no checker for this kind.
    if (!readOnly && fsType.startsWith("ext")) await run("fsck", ["-a", device], signal, [1, 8]);
    return;
  }
  if (readOnly) throw new OrlopError("Conflict", `disk ${device} has no file system and may only be read`);
  const options = fsType.startsWith("ext") ? ["-F", "-m0"] : fsType === "xfs" ? ["-f"] : [];
  await run(`mkfs.${fsType}`, [...options, device], signal);
}
