import {
  decideHostPath,
  type HostPathFinding,
  type SetupStep,
  undoOf,
  type UndoStep,
} from "../../core/volumes/setup-steps.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { FileKind, Files } from "../../ports/files.ts";
import type { HostMounts, MountEntry } from "../../ports/host-mounts.ts";
import type { Log } from "../../ports/log.ts";
import { applyGroup } from "./apply-group.ts";

export interface StepDeps {
  readonly files: Files;
  readonly mounts: HostMounts;
  readonly log: Log;
}

const FINDINGS: Readonly<Record<FileKind, HostPathFinding>> = {
  directory: "directory",
  file: "file",
  socket: "socket",
  "character-device": "character-device",
  "block-device": "block-device",
  fifo: "other",
  symlink: "other",
};

/**
 * Whether an earlier run, maybe before a restart, got to the end of these steps. Then they are not done again: setting the
 * group once more would change modes that the pod's containers chose since.
 */
export async function isSetUp(deps: StepDeps, steps: readonly SetupStep[], signal: AbortSignal): Promise<boolean> {
  let proof = false;
  for (const step of steps) {
    switch (step.do) {
      case "make-directory":
        if ((await deps.files.information(step.path))?.kind !== "directory") return false;
        break;
      case "mount-filesystem":
        if ((await mountAt(deps, step.path, signal))?.filesystem !== step.filesystem) return false;
        break;
      case "bind":
        if ((await mountAt(deps, step.path, signal)) === undefined) return false;
        proof = true;
        break;
      case "mark-ready":
        if ((await deps.files.information(`${step.directory}/ready`)) === undefined) return false;
        proof = true;
        break;
      case "check-host-path":
      case "apply-group":
        break;
    }
  }
  return proof;
}

/** Does the steps in order. When one fails, what this call did is taken back in reverse order and the failure is thrown. */
export async function performSteps(deps: StepDeps, steps: readonly SetupStep[], signal: AbortSignal): Promise<void> {
  const undo: UndoStep[] = [];
  try {
    for (const step of steps) {
      signal.throwIfAborted();
      const changed = await perform(deps, step, signal);
      const back = changed ? undoOf(step) : undefined;
      if (back !== undefined) undo.push(back);
    }
  } catch (reason) {
    await takeBack(deps, undo);
    throw reason;
  }
}

async function takeBack(deps: StepDeps, undo: readonly UndoStep[]): Promise<void> {
  // Not bound to the caller's signal: an aborted set-up is taken back too.
  const { signal } = new AbortController();
  for (const step of undo.toReversed()) {
    try {
      if (step.do === "unmount") await deps.mounts.unmount(step.path, signal);
      else await deps.files.remove(step.path);
    } catch (reason) {
      deps.log.warn("cannot take back a volume set-up step, it is left as it is", {
        step: step.do,
        path: step.path,
        reason: messageOf(reason),
      });
      return;
    }
  }
}

/** True when something was changed that was not so before. */
async function perform(deps: StepDeps, step: SetupStep, signal: AbortSignal): Promise<boolean> {
  switch (step.do) {
    case "check-host-path":
      return checkHostPath(deps.files, step);
    case "make-directory":
      return deps.files.makeDirectory(step.path, step.mode);
    case "mount-filesystem": {
      if ((await mountAt(deps, step.path, signal))?.filesystem === step.filesystem) return false;
      const { filesystem, options } = step;
      await deps.mounts.mount({ source: filesystem, target: step.path, filesystem, options }, signal);
      return true;
    }
    case "bind":
      if ((await mountAt(deps, step.path, signal)) !== undefined) return false;
      await deps.mounts.mount({ source: step.source, target: step.path, options: ["bind"] }, signal);
      return true;
    case "apply-group":
      await applyGroup(deps.files, step.path, step.access, step.onlyOnRootMismatch, signal);
      return true;
    case "mark-ready": {
      const path = `${step.directory}/ready`;
      if ((await deps.files.information(path)) !== undefined) return false;
      await deps.files.makeDirectory(step.directory, 0o750);
      await deps.files.writeFile(path, "", 0o640);
      return true;
    }
  }
}

async function mountAt(deps: StepDeps, path: string, signal: AbortSignal): Promise<MountEntry | undefined> {
  return (await deps.mounts.list(signal)).findLast((entry) => entry.target === path);
}

async function checkHostPath(
  files: Files,
  { path, type }: Extract<SetupStep, { readonly do: "check-host-path" }>,
): Promise<boolean> {
  if (type === "") return false;
  const information = await files.information(path, { followLinks: true });
  const decision = decideHostPath(path, type, information === undefined ? "nothing" : FINDINGS[information.kind]);
  switch (decision.decision) {
    case "use":
      return false;
    case "create-directory":
      return files.makeDirectory(path, 0o755);
    case "create-file":
      await files.writeFile(path, "", 0o644);
      return true;
    case "refuse":
      throw new OrlopError("Invalid", decision.reason);
  }
}
