import type { CoreEvent } from "../../types.ts";
import { defineKind, metadataFields } from "../define-kind.ts";
import type { KindTable } from "../definition.ts";
import { NAME, column, since, wideColumn } from "../table.ts";
import { validateEvent } from "./validate-event.ts";

function firstNonEmpty(...texts: readonly (string | undefined)[]): string {
  return texts.find((text) => text !== undefined && text !== "") ?? "";
}

function sourceOf(event: CoreEvent): string {
  const component = firstNonEmpty(event.source?.component, event.reportingComponent);
  const instance = firstNonEmpty(event.source?.host, event.reportingInstance);
  return instance === "" ? component : `${component}, ${instance}`;
}

const eventTable: KindTable = {
  columns: [
    column("Last Seen"),
    column("Type"),
    column("Reason"),
    column("Object"),
    wideColumn("Subobject"),
    wideColumn("Source"),
    column("Message"),
    wideColumn("First Seen"),
    wideColumn("Count"),
    { ...NAME, priority: 1 },
  ],
  cells: (object, now) => {
    const event = object as unknown as CoreEvent;
    const about = event.involvedObject;
    const first = since(event.firstTimestamp ?? event.eventTime, now);
    const last = event.lastTimestamp === undefined ? first : since(event.lastTimestamp, now);
    const kind = (about.kind ?? "").toLowerCase();
    return [
      event.series === undefined ? last : since(event.series.lastObservedTime, now),
      event.type ?? "",
      event.reason ?? "",
      about.name === undefined || about.name === "" ? kind : `${kind}/${about.name}`,
      about.fieldPath ?? "",
      sourceOf(event),
      (event.message ?? "").trim(),
      first,
      event.series?.count ?? (event.count === undefined || event.count === 0 ? 1 : event.count),
      event.metadata.name ?? "",
    ];
  },
};

export const eventKind = defineKind({
  group: "",
  version: "v1",
  kind: "Event",
  resource: "events",
  namespaced: true,
  schema: "CoreV1Event",
  shortNames: ["ev"],
  validateCreate: validateEvent,
  selectableFields: (object) => {
    const event = object as unknown as CoreEvent;
    const about = event.involvedObject;
    return {
      ...metadataFields(object, true),
      "involvedObject.kind": about.kind ?? "",
      "involvedObject.namespace": about.namespace ?? "",
      "involvedObject.name": about.name ?? "",
      "involvedObject.uid": about.uid ?? "",
      "involvedObject.apiVersion": about.apiVersion ?? "",
      "involvedObject.resourceVersion": about.resourceVersion ?? "",
      "involvedObject.fieldPath": about.fieldPath ?? "",
      reason: event.reason ?? "",
      reportingComponent: event.reportingComponent ?? "",
      source: firstNonEmpty(event.source?.component, event.reportingComponent),
      type: event.type ?? "",
    };
  },
  table: eventTable,
});
