/** The four parts of a SELinux context; "" where a part is not known. */
export interface SELinuxLabel {
  readonly user: string;
  readonly role: string;
  readonly type: string;
  /** Sensitivity and categories, e.g. `s0:c1,c2`. */
  readonly level: string;
}

/** `seLinuxOptions` of a pod or container. */
export interface SELinuxOptions {
  readonly user?: string;
  readonly role?: string;
  readonly type?: string;
  readonly level?: string;
}

/** `user:role:type:level`; unknown parts stay empty, and "" when all are. */
export function formatLabel({ user, role, type, level }: SELinuxLabel): string {
  return user === "" && role === "" && type === "" && level === "" ? "" : `${user}:${role}:${type}:${level}`;
}

/** Splits at the first three colons: levels contain colons of their own. undefined when there are fewer. */
export function parseLabel(text: string): SELinuxLabel | undefined {
  const match = /^([^:]*):([^:]*):([^:]*):(.*)$/.exec(text.trim());
  if (match === null) return undefined;
  const [, user = "", role = "", type = "", level = ""] = match;
  return { user, role, type, level };
}

/**
 * A level as the kernel writes it: categories sorted and without repeats, three or more in a row as a range, equal ends of a
 * sensitivity range written once. A level that is no MCS/MLS level comes back as it is, so that it equals only itself.
 */
export function canonicalLevel(level: string): string {
  const ends = splitRange(level).map(canonicalSensitivity);
  const [low, high] = ends;
  if (low === undefined || ends.length > 2 || ends.includes(undefined)) return level;
  return high === undefined || high === low ? low : `${low}-${high}`;
}

export function sameLevel(left: string, right: string): boolean {
  return canonicalLevel(left) === canonicalLevel(right);
}

/** Whether two full labels mean the same to the kernel. */
export function sameLabel(left: string, right: string): boolean {
  return canonicalLabel(left) === canonicalLabel(right);
}

export function canonicalLabel(text: string): string {
  const label = parseLabel(text);
  return label === undefined ? text : formatLabel({ ...label, level: canonicalLevel(label.level) });
}

function splitRange(level: string): readonly string[] {
  return level.split("-").map((end) => end.trim());
}

function canonicalSensitivity(text: string): string | undefined {
  const match = /^s(\d+)(?::(.+))?$/.exec(text);
  if (match === null) return undefined;
  const sensitivity = `s${Number(match[1])}`;
  if (match[2] === undefined) return sensitivity;
  const categories = expandCategories(match[2]);
  return categories === undefined ? undefined : `${sensitivity}:${foldCategories(categories)}`;
}

function expandCategories(text: string): ReadonlySet<number> | undefined {
  const categories = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^c(\d{1,4})(?:\.c(\d{1,4}))?$/.exec(part.trim());
    if (match?.[1] === undefined) return undefined;
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    if (last < first) return undefined;
    for (let category = first; category <= last; category++) categories.add(category);
  }
  return categories;
}

function foldCategories(categories: ReadonlySet<number>): string {
  const sorted = [...categories].sort((left, right) => left - right);
  const parts: string[] = [];
  for (let index = 0; index < sorted.length; ) {
    const first = sorted[index] ?? 0;
    let length = 1;
    while (sorted[index + length] === first + length) length += 1;
    if (length >= 3) parts.push(`c${first}.c${first + length - 1}`);
    else for (let offset = 0; offset < length; offset++) parts.push(`c${first + offset}`);
    index += length;
  }
  return parts.join(",");
}
