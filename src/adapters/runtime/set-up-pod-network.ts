import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { Log } from "../../ports/log.ts";
import { runCommand } from "../debian/run-command.ts";
import { replaceFile } from "../files/replace-file.ts";
import { choosePodRange, masqueradeRules, networkConfigList, parseRoutes, type Route } from "./pod-network.ts";
import type { RuntimeSoftware } from "./provision-runtime.ts";
import type { RuntimeLayout } from "./runtime-layout.ts";

export interface PodNetworkOptions {
  readonly layout: RuntimeLayout;
  readonly software: Pick<RuntimeSoftware, "nft">;
  readonly signal: AbortSignal;
}

/**
 * Writes the CNI configuration of a data directory and its packet filter table. The range is chosen once and kept: running
 * pods have addresses of it.
 */
export async function setUpPodNetwork(
  deps: { readonly log: Log },
  options: PodNetworkOptions,
): Promise<{ readonly podRange: string }> {
  const { layout, software, signal } = options;
  const routes = parseRoutes(await readFile("/proc/net/route", "utf8"));
  const podRange = (await readChoice(layout)) ?? (await choose(layout, routes));
  await mkdir(layout.networkConfig, { recursive: true });
  const config = networkConfigList({
    name: layout.networkName,
    bridge: layout.bridge,
    podRange,
    leases: join(layout.state, "..", "leases"),
    mtu: await smallestMtu(routes),
  });
  await replaceFile(join(layout.networkConfig, "10-orlop.conflist"), config, { mode: 0o644 });

  const rules = masqueradeRules({ table: layout.packetFilterTable, bridge: layout.bridge, podRange });
  try {
    const file = join(layout.networkConfig, "masquerade.nft");
    await writeFile(file, rules);
    await runCommand(software.nft, ["--file", file], { signal });
  } catch (cause) {
    signal.throwIfAborted();
    deps.log.warn("pods can not reach addresses outside this host: nftables rules could not be set", {
      error: messageOf(cause),
    });
  }
  await allowForwarding(deps, layout, signal);
  return { podRange };
}

async function readChoice(layout: RuntimeLayout): Promise<string | undefined> {
  try {
    return (JSON.parse(await readFile(layout.networkChoice, "utf8")) as { podRange: string }).podRange;
  } catch {
    return undefined;
  }
}

async function choose(layout: RuntimeLayout, routes: readonly Route[]): Promise<string> {
  const taken = routes.map((route) => route.range).filter((range) => range.prefix > 0);
  const choice = choosePodRange(Number.parseInt(layout.id, 16), taken);
  if (!choice.ok) throw new OrlopError("ResourceExhausted", choice.reason);
  await replaceFile(layout.networkChoice, JSON.stringify({ podRange: choice.value }), { mode: 0o644 });
  return choice.value;
}

/** Of the devices that lead outside: a pod must not send what they can not carry. */
async function smallestMtu(routes: readonly Route[]): Promise<number> {
  const devices = new Set(routes.filter((route) => route.range.prefix === 0).map((route) => route.device));
  const sizes = await Promise.all(
    [...devices].map(async (device) => Number(await readFile(`/sys/class/net/${device}/mtu`, "utf8").catch(() => ""))),
  );
  return Math.min(1_500, ...sizes.filter((size) => size >= 576));
}

/** Docker and some firewalls drop what the host forwards; then the pods' traffic needs an exception there. */
async function allowForwarding(deps: { readonly log: Log }, layout: RuntimeLayout, signal: AbortSignal): Promise<void> {
  const policy = await runCommand("iptables", ["--wait", "--list-rules", "FORWARD"], { signal }).catch(() => undefined);
  if (policy?.stdout.startsWith("-P FORWARD DROP") !== true) return;
  for (const rule of forwardRules(layout)) {
    if (policy.stdout.includes(`-A FORWARD ${rule.join(" ")}`)) continue;
    deps.log.info("the host drops forwarded packets: adding an exception for pods", { rule: rule.join(" ") });
    await runCommand("iptables", ["--wait", "--insert", "FORWARD", ...rule], { signal });
  }
}

/** As `iptables -S` prints them. */
export function forwardRules(layout: RuntimeLayout): readonly (readonly string[])[] {
  const comment = ["-m", "comment", "--comment", layout.networkName, "-j", "ACCEPT"];
  return [
    ["-i", layout.bridge, ...comment],
    ["-o", layout.bridge, ...comment],
  ];
}
