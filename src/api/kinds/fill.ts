/** The struct with `defaults` for fields that are absent or "". */
export function fill<T extends object>(struct: T, defaults: Partial<T>): T {
  const missing = Object.entries(defaults).filter(([key]) => {
    const given = (struct as Readonly<Record<string, unknown>>)[key];
    return given === undefined || given === "";
  });
  return missing.length === 0 ? struct : { ...struct, ...Object.fromEntries(missing) };
}

/** The struct with `change` applied to one field, if it is there. */
export function changeField<T extends object, K extends keyof T>(
  struct: T,
  field: K,
  change: (value: NonNullable<T[K]>) => NonNullable<T[K]>,
): T {
  const value = struct[field];
  if (value === undefined || value === null) return struct;
  const changed = change(value);
  return changed === value ? struct : { ...struct, [field]: changed };
}

type EntryOf<L> = NonNullable<L> extends readonly (infer E)[] ? E : never;

/** The struct with `change` applied to every entry of a list field, if it is there. */
export function changeEach<T extends object, K extends keyof T>(
  struct: T,
  field: K,
  change: (entry: EntryOf<T[K]>) => EntryOf<T[K]>,
): T {
  const list: unknown = struct[field];
  return Array.isArray(list) ? { ...struct, [field]: list.map((entry: EntryOf<T[K]>) => change(entry)) } : struct;
}

/** The struct without fields whose gate (name to whether it is enabled) is off, unless the old struct uses them. */
export function dropUnlessUsed<T extends object>(
  struct: T,
  old: T | undefined,
  gates: Readonly<Partial<Record<keyof T, boolean>>>,
): T {
  const dropped = Object.entries(gates).filter(([field, isEnabled]) => {
    return isEnabled === false && old?.[field as keyof T] === undefined;
  });
  const names = new Set(dropped.map(([field]) => field));
  const isTouched = Object.keys(struct).some((field) => names.has(field));
  return isTouched ? (Object.fromEntries(Object.entries(struct).filter(([field]) => !names.has(field))) as T) : struct;
}

/** The struct without one field. */
export function without<T extends object, K extends keyof T>(struct: T, field: K): Omit<T, K> {
  const { [field]: _, ...rest } = struct;
  return rest;
}
