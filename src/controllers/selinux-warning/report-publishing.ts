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
  /** Changes with what nobody should have to wait for, and costs next to nothing. */
  readonly verdict: () => string;
  /** Before that nothing is published: a process that has just started knows less than the one before it. */
  readonly isSettled: () => boolean;
}

/** Between looks at the verdict. */
const LOOK_MS = 2_000;
/** Between looks at the rest of the report, which is large and changes with every pod. */
const WHOLE_MS = 30_000;
/** Events are forgotten after an hour, and somebody may delete the ConfigMap. */
const RENEW_MS = 15 * 60_000;

/** Keeps the report in its ConfigMap up to date. */
export function createReportPublishing(
  { client, clock, log }: Pick<ControllerDeps, "client" | "clock" | "log">,
  { where, report, verdict, isSettled }: ReportPublishingOptions,
): Unit {
  let published: { readonly verdict: string; readonly text: string; readonly at: number } | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;
  return createWorker("selinux-warning report", async (signal) => {
    await clock.sleep(LOOK_MS, signal);
    if (!isSettled()) return;
    const now = clock.monotonic();
    const current = verdict();
    if (published?.verdict === current && now - lookedAt < WHOLE_MS) return;
    lookedAt = now;
    const whole = report();
    const text = JSON.stringify(whole);
    if (published?.text === text && now - published.at < RENEW_MS) return;
    try {
      await publishReport(client, whole, where, clock.now(), signal);
      published = { verdict: current, text, at: now };
    } catch (reason) {
      if (signal.aborted) return;
      log.warn("could not publish the report", {
        configMap: `${where.namespace}/${where.name}`,
        error: messageOf(reason),
      });
      await clock.sleep(WHOLE_MS, signal);
    }
  });
}
