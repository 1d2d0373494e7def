import { createFeatureGates } from "../feature-gates.ts";
import type { KindContext } from "./definition.ts";

const defaults = createFeatureGates();

/** A context for tests: the defaults of 1.36, some gates switched (also those that are locked). */
export function testContext(switched: Readonly<Record<string, boolean>> = {}): KindContext {
  const enabled = (name: string): boolean => switched[name] ?? defaults.enabled(name);
  return { gates: { ...defaults, enabled }, now: Date.UTC(2026, 0, 1) };
}
