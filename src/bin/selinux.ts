import { conflictTable } from "../cli/selinux/conflict-table.ts";
import { optOutText } from "../cli/selinux/opt-out-text.ts";
import type {
  FailOn,
  SELinuxConflictsOptions,
  SELinuxGateOptions,
  SELinuxOptOutOptions,
  SELinuxSource,
} from "../cli/selinux/options.ts";
import { UsageError } from "../cli/usage-error.ts";
import { publishReport } from "../controllers/selinux-warning/publish-report.ts";
import { optOutChanges } from "../core/selinux-report/opt-out-forms.ts";
import { planOptOut } from "../core/selinux-report/opt-out-plan.ts";
import { reportConfigMap, reportEvent } from "../core/selinux-report/published-report.ts";
import { buildReport, type ConflictReport } from "../core/selinux-report/report.ts";
import { workloadText } from "../core/selinux-report/workload.ts";
import { OrlopError } from "../lib/orlop-error.ts";
import { stringify } from "yaml";
import { untilToldToStop } from "./process-signal.ts";
import { askController } from "./selinux-controller.ts";
import { applyAll, differenceText, dryRunAll } from "./selinux-apply.ts";
import { type SeenCluster, seeCluster } from "./selinux-cluster.ts";
import { labelDefaultsOf } from "./selinux-flags.ts";
import { systemDeps } from "./system.ts";
import { writeOut } from "./write-out.ts";

const DEFAULT_REPORT = { namespace: "kube-system", name: "orlop-selinux-conflicts" };

/** `orlop selinux conflicts`: all conflicts, from a cluster, from manifests or from a running controller. */
export async function selinuxConflicts(options: SELinuxConflictsOptions): Promise<number> {
  const deps = systemDeps(options.logLevel);
  return untilToldToStop(async (signal) => {
    const report =
      options.controller === undefined
        ? await seeCluster(deps, options, signal, async (cluster) => reportOf(cluster, options))
        : await askController(deps, options, options.controller, signal);
    switch (options.output) {
      case "json":
        await writeOut(`${JSON.stringify(report, undefined, 2)}\n`);
        break;
      case "yaml":
        await writeOut(stringify(report, { lineWidth: 0 }));
        break;
      default:
        await writeOut(conflictTable(report, options.output === "wide"));
    }
    return fails(report, options.failOn) ? 1 : 0;
  });
}

/** What could not be read may hold any conflict. */
function fails({ complete, gate, volumes, podsWithSeveralLabels }: ConflictReport, failOn: FailOn): boolean {
  switch (failOn) {
    case "none":
      return false;
    case "now":
      return !complete || volumes.some(({ from }) => from === "now");
    case "any":
      return !complete || volumes.length > 0 || podsWithSeveralLabels.length > 0;
    case "unsafe":
      return !gate.safe;
  }
}

/** `orlop selinux gate`: may SELinuxMount be turned on. */
export async function selinuxGate(options: SELinuxGateOptions): Promise<number> {
  const deps = systemDeps(options.logLevel);
  return untilToldToStop((signal) =>
    seeCluster(deps, options, signal, async (cluster) => {
      const report = reportOf(cluster, options);
      const [namespace, name] = options.publish?.split("/") ?? [];
      const where = namespace === undefined || name === undefined ? DEFAULT_REPORT : { namespace, name };
      await writeOut(gateText(report, options, where, deps.clock.now()));
      if (options.publish !== undefined) {
        if (cluster.client === undefined) throw new UsageError("--publish needs a cluster, not manifests");
        await publishReport(cluster.client, report, where, deps.clock.now(), signal);
      }
      return report.gate.safe ? 0 : 1;
    }),
  );
}

function gateText(
  report: ConflictReport,
  { output }: SELinuxGateOptions,
  where: typeof DEFAULT_REPORT,
  now: number,
): string {
  const { gate, complete } = report;
  switch (output) {
    case "text":
      return `safe to turn SELinuxMount on: ${gate.safe ? "yes" : "no"}\n${gate.reasons.map((reason) => `- ${reason}\n`).join("")}`;
    case "json":
      return `${JSON.stringify({ ...gate, complete }, undefined, 2)}\n`;
    case "yaml":
      return stringify({ ...gate, complete }, { lineWidth: 0 });
    case "configmap":
      return stringify(reportConfigMap(report, where), { lineWidth: 0 });
    case "event":
      return stringify(reportEvent(report, where, new Date(now).toISOString().replace(/\.\d+Z$/, "Z")));
  }
}

/** `orlop selinux opt-out`: the patches or policies that settle conflicts, or their application. */
export async function selinuxOptOut(options: SELinuxOptOutOptions): Promise<number> {
  const deps = systemDeps(options.logLevel);
  const { namespace, claim, workload, form } = options;
  const isPolicy = form === "policy" || form === "kyverno" || form === "gatekeeper";
  const isTried = options.apply || options.dryRun;
  if (isTried && form !== "strategic") {
    throw new UsageError(
      `--apply and --dry-run are for --form strategic; apply the output of --form ${form} with kubectl`,
    );
  }
  return untilToldToStop((signal) =>
    seeCluster(deps, options, signal, async ({ snapshot, problems, ownerOf, client }) => {
      for (const problem of problems) process.stderr.write(`orlop: incomplete: ${problem}\n`);
      if (problems.length > 0 && options.apply) {
        throw new OrlopError(
          "Forbidden",
          "not everything can be seen, so the opt-out might be half: nothing was changed",
        );
      }
      const plan = planOptOut(
        { ...snapshot, ...(ownerOf !== undefined && { ownerOf }) },
        {
          ...(namespace !== undefined && { namespace }),
          ...(claim !== undefined && { claim }),
          ...(workload !== undefined && { workload }),
          wholeNamespaces: isPolicy,
        },
      );
      if (plan.length === 0) {
        await writeOut("# no conflicts, nothing to opt out\n");
        return 0;
      }
      if (!isTried) {
        await writeOut(optOutText(plan, form));
        return 0;
      }
      if (client === undefined) throw new UsageError("--apply and --dry-run need a cluster, not manifests");
      const changes = optOutChanges(plan);
      const byHand = changes.flatMap((change) => (change.how === "by-hand" ? [change] : []));
      for (const { workload: which, text } of byHand)
        process.stderr.write(`orlop: ${workloadText(which)} by hand: ${text}\n`);
      if (byHand.length > 0 && options.apply) {
        const text = `${byHand.length} of the workloads can not be patched, and opting out only the others makes new conflicts: nothing was changed`;
        throw new OrlopError("Unsupported", text);
      }
      const runs = await dryRunAll(
        client,
        changes.flatMap((change) => (change.how === "patch" ? [change] : [])),
        signal,
      );
      await writeOut(runs.map((run) => differenceText(run)).join(""));
      if (!options.apply) return 0;
      await applyAll(client, runs, signal);
      await writeOut(`${runs.length} workloads opted out; their pods are replaced by their controllers\n`);
      return 0;
    }),
  );
}

function reportOf({ snapshot, problems, ownerOf }: SeenCluster, options: SELinuxSource): ConflictReport {
  const defaults = labelDefaultsOf(options);
  return buildReport({
    ...snapshot,
    problems,
    ...(ownerOf !== undefined && { ownerOf }),
    ...(defaults !== undefined && { defaults }),
    ...(options.namespace !== undefined && { namespace: options.namespace }),
  });
}
