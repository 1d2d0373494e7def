import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import { backoffDelay } from "../../machinery/backoff.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Files } from "../../ports/files.ts";
import type { Log } from "../../ports/log.ts";
import type { PluginInformation, PluginSockets } from "../../ports/plugin-registration.ts";
import type { Random } from "../../ports/random.ts";
import { createWake } from "../pods/wake.ts";

/** What to do with plugins of one type. */
export interface PluginHandler {
  /** Takes it up. Throws the reason the plugin is told. */
  register(plugin: PluginInformation, signal: AbortSignal): Promise<void>;
  /** Its registration socket is gone. Throws when it has to be tried again. */
  deregister(plugin: PluginInformation, signal: AbortSignal): Promise<void>;
}

export interface PluginWatcherDeps {
  readonly files: Pick<Files, "information" | "list" | "makeDirectory" | "changes">;
  readonly sockets: PluginSockets;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** By type, e.g. "CSIPlugin". */
  readonly handlers: Readonly<Record<string, PluginHandler>>;
}

interface Known {
  /** The socket's file at the time: a plugin that restarted has another one. */
  readonly identity: string;
  plugin: PluginInformation | undefined;
  failures: number;
  /** Monotonic milliseconds; not tried before. */
  notBefore: number;
  working: Promise<void> | undefined;
}

/** How often is looked without being told: a lost notification costs this long. */
const LOOK_MS = 5_000;
/** As upstream. */
const RETRY = { initialMs: 500, maximumMs: 122_000, jitter: 0.1 } as const;
const MOST_SOCKETS = 1_000;
const DEEPEST = 3;

/**
 * Registers the plugins whose sockets appear in ROOT/plugins_registry, again when a plugin restarted, and forgets them
 * when their socket goes. One plugin that hangs holds up no other.
 */
export function createPluginWatcher(deps: PluginWatcherDeps, options: { readonly root: string }): Unit {
  const { clock, files, log } = deps;
  const directory = `${options.root}/plugins_registry`;
  const known = new Map<string, Known>();
  const wake = createWake(clock);

  async function sockets(folder: string, depth: number): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    for (const { name, kind } of await files.list(folder)) {
      const path = `${folder}/${name}`;
      if (name.startsWith(".")) continue;
      if (kind === "directory" && depth < DEEPEST) {
        for (const [inner, identity] of await sockets(path, depth + 1)) found.set(inner, identity);
      }
      if (kind !== "socket" || found.size >= MOST_SOCKETS) continue;
      const information = await files.information(path);
      if (information !== undefined) found.set(path, `${information.inode}:${information.modifiedAt}`);
    }
    return found;
  }

  async function register(path: string, entry: Known, signal: AbortSignal): Promise<void> {
    const plugin = await deps.sockets.information(path, signal);
    const handler = deps.handlers[plugin.type];
    let failure: unknown;
    try {
      if (handler === undefined) {
        const text = `no handler registered for plugin type: ${plugin.type} at socket ${path}`;
        throw new OrlopError("Unsupported", text);
      }
      await handler.register(plugin, signal);
    } catch (reason) {
      failure = reason;
    }
    // Told before it counts as registered, so that a plugin that did not hear it is told again.
    await deps.sockets.notify(path, failure === undefined ? undefined : messageOf(failure), signal);
    if (failure !== undefined) throw failure;
    entry.plugin = plugin;
    log.info("A plugin is registered", { type: plugin.type, plugin: plugin.name, socket: path });
  }

  /** Starts the work unless some is under way or it is too early after a failure. */
  function attempt(path: string, entry: Known, work: () => Promise<void>): void {
    if (entry.working !== undefined || clock.monotonic() < entry.notBefore) return;
    entry.working = worked(path, entry, work).finally(() => {
      entry.working = undefined;
      wake.ring();
    });
  }

  async function worked(path: string, entry: Known, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      entry.failures = 0;
    } catch (reason) {
      entry.failures += 1;
      const delay = backoffDelay(entry.failures, RETRY, deps.random);
      entry.notBefore = clock.monotonic() + delay;
      log.warn("A plugin could not be registered or let go, trying again", {
        socket: path,
        reason: messageOf(reason),
        inMilliseconds: Math.round(delay),
      });
    }
  }

  async function look(signal: AbortSignal): Promise<void> {
    const now = await sockets(directory, 0);
    for (const [path, entry] of known) {
      const { plugin } = entry;
      if (now.get(path) === entry.identity) continue;
      if (plugin === undefined) {
        if (entry.working === undefined) known.delete(path);
        continue;
      }
      attempt(path, entry, async () => {
        await deps.handlers[plugin.type]?.deregister(plugin, signal);
        known.delete(path);
      });
    }
    for (const [path, identity] of now) {
      const entry = known.get(path) ?? {
        identity,
        plugin: undefined,
        failures: 0,
        notBefore: 0,
        working: undefined,
      };
      known.set(path, entry);
      if (entry.plugin !== undefined || entry.identity !== identity) continue;
      attempt(path, entry, () => register(path, entry, signal));
    }
  }

  return {
    name: "plugins",
    async run(signal, ready) {
      await files.makeDirectory(directory, 0o750);
      const watching = (async () => {
        for await (const _ of files.changes(directory, signal)) wake.ring();
      })().catch((reason: unknown) => {
        if (!signal.aborted)
          log.warn("Plugins are looked for without being told of changes", { reason: messageOf(reason) });
      });
      ready();
      while (!signal.aborted) {
        try {
          await look(signal);
        } catch (reason) {
          if (!signal.aborted) log.warn("Plugins could not be looked for", { directory, reason: messageOf(reason) });
        }
        const waits = [...known.values()].map(({ notBefore }) => notBefore - clock.monotonic()).filter((ms) => ms > 0);
        await wake.wait(Math.min(LOOK_MS, ...waits), signal).catch(() => undefined);
      }
      await watching;
      await Promise.allSettled([...known.values()].map(({ working }) => working));
    },
  };
}
