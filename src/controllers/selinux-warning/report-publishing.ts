import type { PublishedName } from "../../core/selinux-report/published-report.ts";
import type { ConflictReport } from "../../core/selinux-report/report.ts";
import { messageOf } from "../../lib/orlop-error.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";
import { publishReport } from "./publish-report.ts";
import { createWorker } from "./worker.ts";

export interface ReportPublishingOptions {
  readonly where: PublishedName;
  readonly report: () => ConflictReport;
  /** Before that nothing is published: a process that has just started knows less than the one before it. */
  readonly isSettled: () => boolean;
}

const FIRST_MS = 2_000;
/** Between looks whether the published report is still right. */
const LATER_MS = 30_000;

/** Keeps the report in its ConfigMap up to date. */
export function createReportPublishing(
  { client, clock, log }: Pick<ControllerDeps, "client" | "clock" | "log">,
  { where, report, isSettled }: ReportPublishingOptions,
): Unit {
  let published: string | undefined;
  return createWorker("selinux-warning report", async (signal) => {
    await clock.sleep(published === undefined ? FIRST_MS : LATER_MS, signal);
    if (!isSettled()) return;
    const current = report();
    const text = JSON.stringify(current);
    if (text === published) return;
    try {
      await publishReport(client, current, where, clock.now(), signal);
      published = text;
    } catch (reason) {
      if (signal.aborted) return;
      log.warn("could not publish the report", {
        configMap: `${where.namespace}/${where.name}`,
        error: messageOf(reason),
      });
      await clock.sleep(LATER_MS, signal);
    }
  });
}
