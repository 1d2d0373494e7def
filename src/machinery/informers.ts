import { createInformer, createMetadataInformer, type Informer, type InformerDeps } from "./informer.ts";
import { resourceName, type ApiObject, type PartialObject, type Resource } from "./resources.ts";
import { createUnitGroup, type Unit } from "./unit.ts";

/** Informers that many controllers share: one watch a resource, however many ask for it. */
export interface Informers {
  /** Ask while constructing, before `unit` runs. */
  of<T extends ApiObject>(resource: Resource<T>): Informer<T>;
  /** Of only the metadata; the full one when somebody keeps that anyway is up to the caller. */
  metadataOf(resource: Resource): Informer<PartialObject>;
  /** Runs all that were asked for; ready when each has its first list. */
  readonly unit: Unit;
}

export function createInformers(deps: InformerDeps): Informers {
  // The map holds informers of many object types; each is only handed out for the resource it was made of.
  const full = new Map<string, Informer<never>>();
  const metadata = new Map<string, Informer<PartialObject>>();
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
    metadataOf(resource) {
      const known = metadata.get(resourceName(resource));
      if (known !== undefined) return known;
      mustNotRun(resource);
      const informer = createMetadataInformer(deps, { resource });
      metadata.set(resourceName(resource), informer);
      return informer;
    },
    unit: {
      name: "informers",
      run(signal, ready) {
        started = true;
        return createUnitGroup("informers", [...full.values(), ...metadata.values()], "together").run(signal, ready);
      },
    },
  };
}
