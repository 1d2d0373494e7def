import { LIST_TYPES } from "./list-types.ts";
import { PATCH_STRATEGIES } from "./patch-strategies.ts";

export interface PatchMetadata {
  /** Lists of structs with a key are merged by it; "" for lists of plain values that are merged as sets. */
  readonly mergeKey: string | undefined;
  /** The struct or the list entries honour `$retainKeys`. */
  readonly retainKeys: boolean;
  /** The field is replaced as a whole even though it is a struct. */
  readonly replace: boolean;
}

export type ListType =
  | { readonly type: "atomic" }
  | { readonly type: "set" }
  | { readonly type: "map"; readonly keys: readonly string[] };

function entries(text: string): readonly (readonly [string, string])[] {
  return text.split(" ").map((entry) => {
    const [name = "", value = ""] = entry.split("=");
    return [name, value] as const;
  });
}

function parsePatch(text: string): PatchMetadata {
  const [strategies = "", key = ""] = text.split(":");
  const names = strategies.split("+");
  return {
    mergeKey: names.includes("merge") ? key : undefined,
    retainKeys: names.includes("retainKeys"),
    replace: names.includes("replace"),
  };
}

function parseList(text: string): ListType {
  const [type = "", keys = ""] = text.split(":");
  if (type === "map") return { type, keys: keys.split("+") };
  return { type: type === "set" ? "set" : "atomic" };
}

function tableOf<T>(source: Readonly<Record<string, string>>, parse: (text: string) => T): ReadonlyMap<string, T> {
  return new Map(
    Object.entries(source).flatMap(([model, text]) =>
      entries(text).map(([field, value]): [string, T] => [`${model}.${field}`, parse(value)]),
    ),
  );
}

const patches = tableOf(PATCH_STRATEGIES, parsePatch);
const lists = tableOf(LIST_TYPES, parseList);
const NO_PATCH_METADATA: PatchMetadata = { mergeKey: undefined, retainKeys: false, replace: false };

/** How a strategic merge patch treats the field of a model, e.g. ("V1PodSpec", "containers"). */
export function patchMetadataOf(model: string, field: string): PatchMetadata {
  return patches.get(`${model}.${field}`) ?? NO_PATCH_METADATA;
}

/** Ownership granularity of a list (or an atomic struct or map); undefined when nothing is declared. */
export function listTypeOf(model: string, field: string): ListType | undefined {
  return lists.get(`${model}.${field}`);
}
