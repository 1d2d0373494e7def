import { createEventRecorder, type EventRecorder, type EventRecorderDeps } from "./event-recorder.ts";
import { createUnitGroup, type Unit } from "./unit.ts";

/** The recorders of one process. */
export interface Events {
  /** Ask while constructing, before the unit runs. The same component gets the same recorder. */
  for(component: string): EventRecorder;
  /** Writes what the recorders were told. */
  readonly unit: Unit;
}

/** @param options host: the node, for components that run on one */
export function createEvents(deps: EventRecorderDeps, options: { readonly host?: string } = {}): Events {
  const recorders = new Map<string, EventRecorder & { readonly unit: Unit }>();
  return {
    for(component) {
      const known = recorders.get(component);
      if (known !== undefined) return known;
      const recorder = createEventRecorder(deps, { component, ...options });
      recorders.set(component, recorder);
      return recorder;
    },
    unit: {
      name: "events",
      run: (signal, ready) =>
        createUnitGroup(
          "events",
          [...recorders.values()].map(({ unit }) => unit),
          "together",
        ).run(signal, ready),
    },
  };
}
