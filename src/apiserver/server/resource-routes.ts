import type { KindDefinition, KindVerb } from "../../api/kinds/definition.ts";
import { badRequest, methodNotAllowed, unknownPath } from "../../api/status-error.ts";
import { pathSegmentProblems } from "../../api/names.ts";
import type { HttpResponse } from "../../ports/http.ts";
import { answer } from "../encoding/answer.ts";
import { mediaTypeOf, readText } from "../encoding/body.ts";
import { decodeObject } from "../encoding/decode-object.ts";
import { negotiate } from "../encoding/negotiation.ts";
import type { RequestContext, RequestInfo, Subresource, VirtualResource } from "../extension.ts";
import { MAIN, STATUS } from "../resources/aspects.ts";
import type { Aspect } from "../resources/aspects.ts";
import { checkNamespace } from "../resources/object-identity.ts";
import { handleList } from "../rest/list.ts";
import type { RequestScope, RestDeps } from "../rest/request-scope.ts";
import { handleWatch } from "../rest/watch.ts";
import {
  handleCreate,
  handleDelete,
  handleDeleteCollection,
  handleGet,
  handlePatch,
  handleUpdate,
} from "../rest/write.ts";
import { parseWriteOptions } from "../rest/write-options.ts";

/** A subresource that reads the whole object and writes a part of it. */
export interface AspectRoute {
  readonly kind: KindDefinition;
  readonly aspect: Aspect;
  readonly verbs: readonly ("get" | "patch" | "update")[];
}

/** Answers a request that is authenticated and authorised. Throws StatusError. */
export type ResourceRoutes = (context: RequestContext, warn: (text: string) => void) => Promise<HttpResponse>;

export function createResourceRoutes(
  deps: RestDeps,
  parts: {
    readonly kinds: readonly KindDefinition[];
    readonly virtualResources: readonly VirtualResource[];
    readonly subresources: readonly Subresource[];
    readonly aspects: readonly AspectRoute[];
  },
): ResourceRoutes {
  const kinds = new Map(parts.kinds.map((kind) => [keyOf(kind), kind]));
  const virtuals = new Map(parts.virtualResources.map((virtual) => [keyOf(virtual.definition), virtual]));
  const subresources = new Map(parts.subresources.map((each) => [`${keyOf(each)}/${each.subresource}`, each]));

  const aspects = new Map(parts.aspects.map((route) => [`${keyOf(route.kind)}/${route.aspect.subresource}`, route]));
  for (const kind of parts.kinds) {
    const key = `${keyOf(kind)}/status`;
    if (kind.hasStatus && !aspects.has(key))
      aspects.set(key, { kind, aspect: STATUS, verbs: ["get", "patch", "update"] });
  }

  return async (context, warn) => {
    const { info } = context;
    const key = keyOf(info);
    const subresource = info.subresource === "" ? undefined : subresources.get(`${key}/${info.subresource}`);
    if (subresource !== undefined) {
      checkScope(subresource.namespaced, info);
      return subresource.handle(context);
    }
    const virtual = virtuals.get(key);
    if (virtual !== undefined && info.subresource === "") return createVirtual(virtual, context, warn);
    const kind = kinds.get(key);
    if (kind === undefined) throw unknownPath();
    checkScope(kind.namespaced, info);
    const scope: RequestScope = { context, kind, warn };
    if (info.subresource === "") return onMain(deps, scope);
    const route = aspects.get(`${key}/${info.subresource}`);
    if (route === undefined || info.remainder.length > 1) throw unknownPath();
    return onAspect(deps, scope, route);
  };
}

function keyOf({ group, version, resource }: Pick<RequestInfo, "group" | "version" | "resource">): string {
  return `${group}/${version}/${resource}`;
}

/** Paths that name a namespace for what has none, or no namespace for one object of what has one, lead nowhere. */
function checkScope(namespaced: boolean, info: RequestInfo): void {
  const { namespace, name, verb } = info;
  const onCollection = verb === "list" || verb === "watch";
  if (
    namespaced ? namespace === "" && name !== "" && !onCollection : namespace !== "" && info.resource !== "namespaces"
  ) {
    throw unknownPath();
  }
  const [problem] = name === "" ? [] : pathSegmentProblems(name);
  if (problem !== undefined) throw badRequest(`Name parameter invalid: ${JSON.stringify(name)}: ${problem}`);
}

function onMain(deps: RestDeps, scope: RequestScope): Promise<HttpResponse> {
  const { info, request } = scope.context;
  const { kind } = scope;
  const verb = info.verb as KindVerb;
  if (!kind.verbs.includes(verb) || request.method === "HEAD") throw methodNotAllowed();
  const everywhere = kind.namespaced && info.namespace === "";
  switch (verb) {
    case "get":
      return handleGet(deps, scope);
    case "list":
      return handleList(deps, scope);
    case "watch":
      return handleWatch(deps, scope);
    case "create":
      if (everywhere || info.name !== "") {
        // POST /namespaces/NAME reads as a create inside of it; the collection of namespaces is one level up.
        throw methodNotAllowed();
      }
      return handleCreate(deps, scope);
    case "update":
      return handleUpdate(deps, named(scope), MAIN);
    case "patch":
      return handlePatch(deps, named(scope), MAIN);
    case "delete":
      return handleDelete(deps, named(scope));
    case "deletecollection":
      if (everywhere) throw methodNotAllowed();
      return handleDeleteCollection(deps, scope);
  }
}

function onAspect(deps: RestDeps, scope: RequestScope, { aspect, verbs }: AspectRoute): Promise<HttpResponse> {
  const verb = verbs.find((each) => each === scope.context.info.verb);
  switch (verb) {
    case "get":
      return handleGet(deps, named(scope));
    case "update":
      return handleUpdate(deps, named(scope), aspect);
    case "patch":
      return handlePatch(deps, named(scope), aspect);
    case undefined:
      throw methodNotAllowed();
  }
}

function named(scope: RequestScope): RequestScope {
  if (scope.context.info.name === "") throw methodNotAllowed();
  return scope;
}

async function createVirtual(
  { definition, create }: VirtualResource,
  context: RequestContext,
  warn: (text: string) => void,
): Promise<HttpResponse> {
  const { info, request } = context;
  checkScope(definition.namespaced, info);
  if (info.verb !== "create" || info.name !== "" || (definition.namespaced && info.namespace === "")) {
    throw methodNotAllowed();
  }
  const format = negotiate(request, { transforms: [], stream: false });
  const { fieldValidation } = parseWriteOptions(request.query, "CreateOptions");
  const sent = decodeObject(definition, await readText(request), mediaTypeOf(request), fieldValidation, warn);
  checkNamespace(definition, info.namespace, sent.metadata);
  const { group, version, kind } = definition;
  const apiVersion = group === "" ? version : `${group}/${version}`;
  const { namespace: _, ...given } = sent.metadata ?? {};
  const metadata = definition.namespaced ? { ...given, namespace: info.namespace } : given;
  const created = await create({ ...sent, kind, apiVersion, metadata }, context);
  return answer(201, { kind, apiVersion, ...created }, format);
}
