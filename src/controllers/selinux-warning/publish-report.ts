import { type PublishedName, reportConfigMap, reportEvent } from "../../core/selinux-report/published-report.ts";
import type { ConflictReport } from "../../core/selinux-report/report.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { CONFIG_MAPS, EVENTS } from "../../machinery/resources.ts";

/**
 * Writes the report to its ConfigMap and renews the event with the verdict on it. Needs create, and patch of that one
 * ConfigMap, and create and patch of events.
 *
 * @param now milliseconds since the epoch
 */
export async function publishReport(
  client: Pick<ClusterClient, "create" | "patch">,
  report: ConflictReport,
  where: PublishedName,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  const map = reportConfigMap(report, where);
  await client
    .patch(CONFIG_MAPS, where, { type: "merge", value: { data: map.data } }, signal)
    .catch((reason: unknown) => {
      if (hasReason(reason, "NotFound")) return client.create(CONFIG_MAPS, map, signal);
      throw reason;
    });
  const event = reportEvent(report, where, new Date(now).toISOString().replace(/\.\d+Z$/, "Z"));
  await client.create(EVENTS, event, signal).catch((reason: unknown) => {
    if (!hasReason(reason, "AlreadyExists")) throw reason;
    const { message, lastTimestamp } = event;
    const key = { namespace: where.namespace, name: event.metadata.name ?? "" };
    return client.patch(EVENTS, key, { type: "merge", value: { message, lastTimestamp } }, signal);
  });
}
