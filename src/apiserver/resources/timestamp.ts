import { formatTime } from "../../api/rfc3339.ts";

/** metav1.Time of milliseconds since the epoch; the fraction of a second is dropped. */
export function timestamp(milliseconds: number): string {
  return formatTime({ seconds: Math.floor(milliseconds / 1_000), nanoseconds: 0 });
}
