import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import type { PolicyOptions } from "../cli/audit/options.ts";
import { renderPolicy } from "../cli/audit/render-policy.ts";
import { UsageError } from "../cli/usage-error.ts";
import { readRoleExceptions, type RoleException } from "../core/audit/nodes-proxy-policy.ts";
import { messageOf } from "../lib/orlop-error.ts";
import { writeOut } from "./write-out.ts";

/** `orlop policy nodes-proxy` */
export async function policy(options: PolicyOptions): Promise<number> {
  const exceptions = options.exceptions === undefined ? [] : await exceptionsIn(options.exceptions);
  const now = Date.now();
  for (const { role, expires, reason } of exceptions) {
    if (expires !== undefined && Date.parse(expires) <= now) {
      process.stderr.write(`orlop: the exception for ${role} ("${reason}") expired on ${expires} and is left out\n`);
    }
  }
  await writeOut(renderPolicy({ ...options, exceptions, now }));
  return 0;
}

async function exceptionsIn(path: string): Promise<readonly RoleException[]> {
  let value: unknown;
  try {
    value = parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new UsageError(`--exceptions: ${path} can not be read: ${messageOf(cause)}`);
  }
  const result = readRoleExceptions(value);
  if (!result.ok) throw new UsageError(`--exceptions: ${path} ${result.reason}`);
  return result.value;
}
