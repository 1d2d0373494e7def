import type { ControllerManagerOptions } from "../cli/commands.ts";
import { OrlopError } from "../lib/orlop-error.ts";

export async function controllerManager(_options: ControllerManagerOptions): Promise<number> {
  throw new OrlopError("Unsupported", `"orlop controller-manager" is not part of this build yet`);
}
