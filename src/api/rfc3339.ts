const TIME = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:[.,](\d+))?(Z|[+-]\d{2}:\d{2})$/u;

export interface ParsedTime {
  /** Since the epoch. */
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** Reads an RFC 3339 time; undefined when the text is none or names a day that does not exist. */
export function parseTime(text: string): ParsedTime | undefined {
  const match = TIME.exec(text);
  if (match === null) return undefined;
  const [, year = "", month = "", day = "", hour = "", minute = "", second = "", fraction = "", zone = ""] = match;
  const parts = [year, month, day, hour, minute, second].map(Number);
  const [y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0] = parts;
  if (h > 23 || mi > 59 || s > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(y, mo - 1, d);
  date.setUTCHours(h, mi, s, 0);
  if (date.getUTCMonth() !== mo - 1 || date.getUTCDate() !== d) return undefined;
  const sign = zone.startsWith("-") ? -1 : 1;
  const offsetMinutes = zone === "Z" ? 0 : sign * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6)));
  return {
    seconds: date.getTime() / 1000 - offsetMinutes * 60,
    nanoseconds: Number(fraction.slice(0, 9).padEnd(9, "0")),
  };
}

/** metav1.Time: seconds, UTC. */
export function formatTime(time: ParsedTime): string {
  return new Date(time.seconds * 1000).toISOString().replace(/\.\d+Z$/u, "Z");
}

/** metav1.MicroTime: six digits, UTC. */
export function formatMicroTime(time: ParsedTime): string {
  const micros = String(Math.floor(time.nanoseconds / 1000)).padStart(6, "0");
  return new Date(time.seconds * 1000).toISOString().replace(/\.\d+Z$/u, `.${micros}Z`);
}

/** A moment in milliseconds since the epoch as metav1.Time. */
export function secondsText(milliseconds: number): string {
  return formatTime({ seconds: Math.floor(milliseconds / 1000), nanoseconds: 0 });
}
