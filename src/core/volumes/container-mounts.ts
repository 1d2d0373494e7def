import type { VolumeMount } from "../../api/types.ts";
import { failed, ok, type Result } from "../../lib/result.ts";

/** Whether a mount becomes recursively read-only. */
export function resolveRecursiveReadOnly(mount: VolumeMount, supported: boolean): Result<boolean> {
  const mode = mount.recursiveReadOnly ?? "Disabled";
  if (mode === "Disabled") return ok(false);
  const problem = (text: string): Result<boolean> =>
    failed(
      `failed to resolve recursive read-only mode: volume "${mount.name}" requested recursive read-only mode, but ${text}`,
    );
  if (mount.readOnly !== true) return problem("it is not read-only");
  if ((mount.mountPropagation ?? "None") !== "None") {
    return problem(`it is not compatible with propagation "${mount.mountPropagation ?? ""}"`);
  }
  if (mode === "IfPossible") return ok(supported);
  if (mode === "Enabled") return supported ? ok(true) : problem("it is not supported by the runtime");
  return failed(`failed to resolve recursive read-only mode: unknown recursive read-only mode "${mode}"`);
}

export function resolvePropagation(mount: VolumeMount): Result<"private" | "host-to-container" | "bidirectional"> {
  switch (mount.mountPropagation ?? "None") {
    case "None":
      return ok("private");
    case "HostToContainer":
      return ok("host-to-container");
    case "Bidirectional":
      return ok("bidirectional");
    default:
      return failed(`invalid MountPropagation mode: "${mount.mountPropagation ?? ""}"`);
  }
}

/** The relative path a mount asks for, with subPathExpr expanded; "" for the whole volume. */
export function resolveSubPath(
  mount: VolumeMount,
  env: readonly { readonly name: string; readonly value: string }[],
): Result<string> {
  const expanded =
    (mount.subPathExpr ?? "") === "" ? ok(mount.subPath ?? "") : expandStrictly(mount.subPathExpr ?? "", env);
  if (!expanded.ok) return expanded;
  const path = expanded.value;
  if (path.startsWith("/")) return failed(`error SubPath \`${path}\` must not be an absolute path`);
  if (path.split("/").includes("..")) {
    return failed(`unable to provision SubPath \`${path}\`: must not contain '..'`);
  }
  return ok(path);
}

/** Replaces $(NAME); "$$" stands for "$". A name without a value is refused, unlike in commands. */
function expandStrictly(
  text: string,
  env: readonly { readonly name: string; readonly value: string }[],
): Result<string> {
  const values = new Map(env.map(({ name, value }) => [name, value]));
  const missing: string[] = [];
  const result = text.replaceAll(/\$\$|\$\(([^)]*)\)/g, (match, name: string | undefined) => {
    if (name === undefined) return "$";
    const value = values.get(name);
    if ((value ?? "") === "") missing.push(name);
    return value ?? match;
  });
  return missing.length === 0 ? ok(result) : failed(`missing value for ${[...new Set(missing)].sort().join(", ")}`);
}
