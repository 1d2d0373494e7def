import { readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../lib/orlop-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import { runCommand } from "../debian/run-command.ts";
import type { RuntimeSoftware } from "./provision-runtime.ts";
import type { RuntimeLayout } from "./runtime-layout.ts";
import { forwardRules } from "./set-up-pod-network.ts";

export interface RemovePodNetworkOptions {
  readonly layout: RuntimeLayout;
  /** Undefined when it was never provisioned: then nothing of ours is in the kernel either. */
  readonly software: Pick<RuntimeSoftware, "nft" | "ip"> | undefined;
  readonly signal: AbortSignal;
  /** Where the CNI library notes what it attached. @default "/var/lib/cni" */
  readonly cniFolder?: string;
}

/** Removes the bridge with what hangs on it, our packet filter rules, and the CNI library's notes about our pods. */
export async function removePodNetwork(
  deps: { readonly log: Log; readonly clock: Clock },
  options: RemovePodNetworkOptions,
): Promise<void> {
  const { layout, software, signal } = options;
  const notes = join(options.cniFolder ?? "/var/lib/cni", "results");
  const prefix = `${layout.networkName}-`;
  const ours = (await readdir(notes).catch(() => [])).filter((name) => name.startsWith(prefix));
  const quietly = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    await work().catch((cause: unknown) => {
      signal.throwIfAborted();
      deps.log.warn(`cannot remove ${what}`, { error: messageOf(cause) });
    });
  };

  if (software !== undefined) {
    const ports = await readdir(`/sys/class/net/${layout.bridge}/brif`).catch(() => undefined);
    if (ports !== undefined) {
      await quietly("the bridge", async () => runCommand(software.ip, ["link", "delete", layout.bridge], { signal }));
      // The kernel takes the pods' ends down with their namespaces, a little later: do not wait for it.
      for (const port of ports) {
        await runCommand(software.ip, ["link", "delete", port], { signal }).catch(() => undefined);
      }
    }
    const attached = new Set(ours.map((name) => name.slice(prefix.length).replace(/-[^-]+$/, "")));
    await quietly("packet filter rules", async () => removeRules(software.nft, { layout, attached, signal }));
  }
  for (const rule of forwardRules(layout)) {
    await runCommand("iptables", ["--wait", "--delete", "FORWARD", ...rule], { signal }).catch(() => undefined);
  }
  for (const name of ours) await rm(join(notes, name), { force: true });
  await rmdir(notes).catch(() => undefined);
  await rmdir(join(notes, "..")).catch(() => undefined);
}

interface NftObject {
  readonly table?: { readonly family: string; readonly name: string };
  readonly rule?: {
    readonly family: string;
    readonly table: string;
    readonly chain: string;
    readonly handle: number;
    readonly comment?: string;
  };
}

const HOST_PORTS = "cni_hostport";
/** Chains of the host port plugin that hold a rule per pod; the others are fixed. */
const POD_CHAINS = ["hostports", "hostip_hostports", "masquerading"];

async function removeRules(
  nft: string,
  of: { readonly layout: RuntimeLayout; readonly attached: ReadonlySet<string>; readonly signal: AbortSignal },
): Promise<void> {
  const { stdout } = await runCommand(nft, ["--json", "list", "ruleset"], { signal: of.signal });
  const objects = (JSON.parse(stdout) as { nftables: readonly NftObject[] }).nftables;
  const tables = objects.flatMap(({ table }) => (table === undefined ? [] : [table]));
  const rules = objects.flatMap(({ rule }) => (rule?.table === HOST_PORTS ? [rule] : []));
  const perPod = rules.filter((rule) => POD_CHAINS.includes(rule.chain));
  const gone = perPod.filter((rule) => rule.comment !== undefined && of.attached.has(rule.comment));
  for (const rule of gone) {
    const place = [rule.family, rule.table, rule.chain, "handle", String(rule.handle)];
    await runCommand(nft, ["delete", "rule", ...place], { signal: of.signal });
  }
  for (const table of tables) {
    const own = table.name === of.layout.packetFilterTable;
    // The plugin makes its table when it is first needed and never removes it. Without pods' rules it does nothing.
    const unused =
      table.name === HOST_PORTS && !perPod.some((rule) => rule.family === table.family && !gone.includes(rule));
    if (own || unused) await runCommand(nft, ["delete", "table", table.family, table.name], { signal: of.signal });
  }
}
