import { readFile, writeFile } from "node:fs/promises";
import { parse } from "yaml";
import { readAuditLog } from "../adapters/audit-log/read-audit-log.ts";
import type { AuditKubeletOptions } from "../cli/audit/options.ts";
import { printableText } from "../cli/audit/printable.ts";
import { renderReport } from "../cli/audit/render.ts";
import { UsageError } from "../cli/usage-error.ts";
import { accept, exceptionsOfBaseline, readExceptions } from "../core/audit/exceptions.ts";
import { createAuditInput } from "../core/audit/input-builder.ts";
import type { AuditInput } from "../core/audit/input.ts";
import type { Principal } from "../core/audit/principals.ts";
import { principalOf } from "../core/audit/principals.ts";
import { auditKubelets } from "../core/audit/audit.ts";
import type { KubeletAccessReport } from "../core/audit/report.ts";
import { exceeds } from "../core/audit/threshold.ts";
import { createUsageCollector, type Usage } from "../core/audit/usage.ts";
import { usageOf } from "../core/audit/usage-event.ts";
import { messageOf, OrlopError } from "../lib/orlop-error.ts";
import { addSnapshot, inputFromFiles } from "./audit-input.ts";
import { endProgress, progressOn, snapshotOf } from "./cluster-access.ts";
import { untilToldToStop } from "./process-signal.ts";
import { writeOut } from "./write-out.ts";

/**
 * `orlop audit kubelet`: 1 when somebody is over the threshold, 2 when nobody is but something could not be read, else 0.
 */
export async function auditKubelet(options: AuditKubeletOptions): Promise<number> {
  const progress = progressOn(process.stderr, options.quiet);
  const report = await untilToldToStop((signal) => makeReport(options, signal, progress));
  endProgress(process.stderr, options.quiet);
  const color =
    options.color && process.env["NO_COLOR"] === undefined && options.outputFile === undefined && process.stdout.isTTY;
  const text = renderReport(report, options.output, color);
  if (options.outputFile === undefined) await writeOut(text);
  else await write(options.outputFile, text);
  for (const { message, origin, severity } of report.problems) {
    if (severity !== "error") continue;
    const at = origin.file === "" ? "" : `${origin.file}${origin.line > 0 ? `:${origin.line}` : ""}: `;
    process.stderr.write(`orlop: ${printableText(`${at}${message}`)}\n`);
  }
  if (exceeds(report, options.failOn)) return 1;
  return report.complete || options.allowIncomplete ? 0 : 2;
}

async function makeReport(
  options: AuditKubeletOptions,
  signal: AbortSignal,
  progress: (text: string) => void,
): Promise<KubeletAccessReport> {
  const { input, source } = await inputOf(options, signal, progress);
  const understood =
    input.clusterRoles.length + input.clusterRoleBindings.length + input.roles.length + input.roleBindings.length;
  if (understood === 0 && input.problems.some(({ severity }) => severity === "error")) {
    const [first] = input.problems.filter(({ severity }) => severity === "error");
    const at =
      first === undefined
        ? ""
        : `${first.origin.file}${first.origin.line > 0 ? `:${first.origin.line}` : ""}: ${first.message}`;
    throw new UsageError(`nothing in ${source} could be read as roles or bindings: ${at}`);
  }
  if (options.files.length > 0 && input.documents === 0) {
    throw new UsageError(`there is no object in ${source}: did what should have written it fail?`);
  }
  const usage = await usageFrom(options.auditLog, signal, progress);
  const problems = usage?.problems ?? [];
  const only = options.subject === undefined ? undefined : subjectOf(options.subject);
  const report = auditKubelets(
    { ...input, problems: [...input.problems, ...problems] },
    {
      generatedAt: new Date().toISOString(),
      source,
      assumedKubelet: options.kubeletVersion,
      ...(only !== undefined && { only }),
      ...(usage !== undefined && { usage: usage.usage }),
    },
  );
  const exceptions =
    options.exceptions === undefined ? [] : await readChecked(options.exceptions, "--exceptions", readExceptions);
  const baseline =
    options.baseline === undefined ? [] : await readChecked(options.baseline, "--baseline", exceptionsOfBaseline);
  return accept(report, exceptions, baseline, Date.now());
}

async function inputOf(
  options: AuditKubeletOptions,
  signal: AbortSignal,
  progress: (text: string) => void,
): Promise<{ readonly input: AuditInput; readonly source: string }> {
  if (options.files.length > 0) {
    const input = await inputFromFiles({ paths: options.files, namespace: options.namespace, signal, progress });
    return { input, source: options.files.map((path) => (path === "-" ? "standard input" : path)).join(", ") };
  }
  const snapshot = await snapshotOf(options, { signal, progress });
  const builder = createAuditInput({ defaultNamespace: "default", wholeCluster: true });
  addSnapshot(builder, snapshot);
  return { input: builder.finish(), source: snapshot.server };
}

function subjectOf(text: string): Principal {
  const principal = text.startsWith("group:")
    ? principalOf({ kind: "Group", name: text.slice("group:".length) })
    : principalOf({ kind: "User", name: text });
  if (principal === undefined || principal.name === "") throw new UsageError(`invalid value "${text}" for --subject`);
  return principal;
}

async function usageFrom(
  paths: readonly string[],
  signal: AbortSignal,
  progress: (text: string) => void,
): Promise<{ readonly usage: Usage; readonly problems: AuditInput["problems"] } | undefined> {
  if (paths.length === 0) return undefined;
  const collector = createUsageCollector();
  const problems: AuditInput["problems"][number][] = [];
  let total = 0;
  let shown = 0;
  for (const path of paths) {
    try {
      const counts = await readAuditLog({
        path,
        stdin: process.stdin,
        signal,
        needles: ['"subjectaccessreviews"', "/api/v1/nodes/", '"subresource":"proxy"', '"kubelet.orlop.dev/method"'],
        onEvent: (value) => {
          const event = usageOf(value);
          if (event !== undefined) collector.add(event);
        },
        onBytes: (bytes) => {
          total += bytes;
          if (total - shown < 64 * 2 ** 20) return;
          shown = total;
          progress(`read ${Math.round(total / 2 ** 20)} MiB of audit logs`);
        },
      });
      const damaged = counts.unreadable + counts.tooLong;
      if (damaged === 0) continue;
      problems.push({
        origin: { file: path, line: 0 },
        severity: "warning",
        message: `${damaged} of ${counts.lines} lines of the audit log are cut, damaged or too long and were not understood`,
      });
    } catch (cause) {
      signal.throwIfAborted();
      throw new OrlopError("Invalid", `the audit log ${path} can not be read: ${messageOf(cause)}`, { cause });
    }
  }
  return { usage: collector.finish(), problems };
}

async function readChecked<T>(
  path: string,
  flag: string,
  read: (value: unknown) => { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string },
): Promise<T> {
  let value: unknown;
  try {
    value = parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new UsageError(`${flag}: ${path} can not be read: ${messageOf(cause)}`);
  }
  const result = read(value);
  if (!result.ok) throw new UsageError(`${flag}: ${path} ${result.reason}`);
  return result.value;
}

async function write(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (cause) {
    throw new OrlopError("Invalid", `could not write ${path}: ${messageOf(cause)}`, { cause });
  }
}
