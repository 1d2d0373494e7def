import { createInformer, type Informer, type InformerDeps } from "./informer.ts";
import { resourceName, type ApiObject, type PartialObject, type Resource } from "./resources.ts";
import { createUnitGroup, type Unit } from "./unit.ts";

/** Informers that many controllers share: one watch a resource, however many ask for it. */
export interface Informers {
  /** Ask while constructing, before `unit` runs. */
  of<T extends ApiObject>(resource: Resource<T>): Informer<T>;
  /** The informer somebody asked for already, if so. */
  existing(resource: Resource): Informer<PartialObject> | undefined;
  /** Runs all that were asked for; ready when each has its first list. */
  readonly unit: Unit;
}

export function createInformers(deps: InformerDeps): Informers {
  // The map holds informers of many object types; each is only handed out for the resource it was made of.
  const full = new Map<string, Informer<never>>();
  let started = false;
  const mustNotRun = (resource: Resource): void => {
    if (started) throw new Error(`informer of ${resourceName(resource)} asked for after the informers were started`);
  };
  return {
    of<T extends ApiObject>(resource: Resource<T>): Informer<T> {
      const known = full.get(resourceName(resource)) as unknown as Informer<T> | undefined;
      if (known !== undefined) return known;
      mustNotRun(resource);
      const informer = createInformer(deps, { resource });
      full.set(resourceName(resource), informer as unknown as Informer<never>);
      return informer;
    },
    existing: (resource) => full.get(resourceName(resource)) as unknown as Informer<PartialObject> | undefined,
    unit: {
      name: "informers",
      run(signal, ready) {
        started = true;
        return createUnitGroup("informers", [...full.values()], "together").run(signal, ready);
      },
    },
  };
}
