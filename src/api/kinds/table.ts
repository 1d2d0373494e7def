import { humanDuration } from "../../lib/human-duration.ts";
import type { KubernetesObject } from "../types.ts";
import type { KindTable, TableColumn } from "./definition.ts";

export const NAME: TableColumn = { ...column("Name"), format: "name", description: "Name of the object" };
export const AGE: TableColumn = { ...column("Age"), description: "Time since the object was created" };

/** A column that is always shown. */
export function column(name: string, type: TableColumn["type"] = "string"): TableColumn {
  return { name, type, description: "", priority: 0 };
}

/** A column of -o wide. */
export function wideColumn(name: string): TableColumn {
  return { ...column(name), priority: 1 };
}

/** How long ago a time was, in words; `<unknown>` without one. */
export function since(time: string | undefined, now: number): string {
  return time === undefined || time === "" ? "<unknown>" : humanDuration(now - Date.parse(time));
}

export function ageOf(object: KubernetesObject, now: number): string {
  return since(object.metadata?.creationTimestamp, now);
}

/** The table of kinds without columns of their own. */
export const createdAtTable: KindTable = {
  columns: [NAME, column("Created At", "date")],
  cells: (object) => [object.metadata?.name ?? "", object.metadata?.creationTimestamp ?? null],
};

/** A table of name, own columns, age, and wide columns. */
export function tableWithAge(
  own: readonly TableColumn[],
  cells: (object: KubernetesObject) => readonly unknown[],
  wide: readonly TableColumn[] = [],
): KindTable {
  return {
    columns: [NAME, ...own, AGE, ...wide],
    cells: (object, now) => {
      const all = cells(object);
      return [object.metadata?.name ?? "", ...all.slice(0, own.length), ageOf(object, now), ...all.slice(own.length)];
    },
  };
}

/** `a=1,b=2`, sorted; `<none>` when empty. */
export function labelsText(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? "<none>" : pairs.sort().join(",");
}
