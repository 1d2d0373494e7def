import type { KubeletOptions } from "../cli/commands.ts";
import { OrlopError } from "../lib/orlop-error.ts";

export async function kubelet(_options: KubeletOptions): Promise<number> {
  throw new OrlopError("Unsupported", `"orlop kubelet" is not part of this build yet`);
}
