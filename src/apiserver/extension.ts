import type { Authorizer } from "../core/authz/attributes.ts";
import type { KindDefinition } from "../api/kinds/definition.ts";
import type { FeatureGates } from "../api/feature-gates.ts";
import type { KubernetesObject } from "../api/types.ts";
import type { User } from "../api/user.ts";
import type { HttpRequest, HttpResponse } from "../ports/http.ts";

/** The one parsed value of an API path; routing and authorization both use it. */
export interface RequestInfo {
  readonly type: "resource" | "non-resource";
  readonly path: string;
  /** Kubernetes verb: get, list, watch, create, update, patch, delete, deletecollection; lower-cased method for non-resource. */
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** What follows the subresource, for proxy: "" or "/metrics". Decoded like `path`. */
  readonly remainder: string;
}

export interface RequestContext {
  readonly request: HttpRequest;
  readonly info: RequestInfo;
  readonly user: User;
  readonly signal: AbortSignal;
  /** Absent: there is no audit record. */
  readonly annotate?: Annotate;
}

/** Objects of the embedded server for code that runs inside it; no authentication or authorization happens here. */
export interface Objects {
  /** Throws StatusError NotFound. `kind` is the plural with group, e.g. "pods" or "roles.rbac.authorization.k8s.io". */
  get(kind: string, namespace: string, name: string): Promise<KubernetesObject>;
  /** All live objects of a kind, "" for all namespaces. Served from memory. */
  list(kind: string, namespace: string): readonly KubernetesObject[];
  create(kind: string, namespace: string, object: KubernetesObject): Promise<KubernetesObject>;
  /** Reads, changes, writes; again on conflict. Returning the same object writes nothing. Defaults and validation apply; admission does not. */
  update(
    kind: string,
    namespace: string,
    name: string,
    change: (current: KubernetesObject) => KubernetesObject,
    options?: { readonly subresource?: "status" },
  ): Promise<KubernetesObject>;
  delete(kind: string, namespace: string, name: string): Promise<void>;
  /** Called after each durable change, in revision order; returns how to stop. Must be quick and must not throw. */
  observe(kind: string, listener: (change: ObjectChange) => void): () => void;
}

export type ObjectChange =
  | { readonly type: "added" | "modified"; readonly object: KubernetesObject; readonly old?: KubernetesObject }
  | { readonly type: "deleted"; readonly object: KubernetesObject };

/** A resource that stores nothing: TokenReview, the access reviews, SelfSubjectReview. */
export interface VirtualResource {
  readonly definition: Pick<
    KindDefinition,
    "group" | "version" | "kind" | "resource" | "singular" | "namespaced" | "schema"
  >;
  /** Answers a create; the result is returned with status 201. Throws StatusError. */
  readonly create: (object: KubernetesObject, context: RequestContext) => Promise<KubernetesObject>;
}

/** A subresource with a handler of its own (pods/exec, pods/log, nodes/proxy, serviceaccounts/token, pods/binding, …). */
export interface Subresource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespaced: boolean;
  /** For discovery: the kind read or written there, e.g. PodExecOptions. */
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  /** Discovery verbs, e.g. ["create", "get"]. */
  readonly verbs: readonly string[];
  /** The request is authenticated and authorised for `context.info`. Throws StatusError. Body not yet read. */
  readonly handle: (context: RequestContext) => Promise<HttpResponse>;
}

/** Takes an annotation for the audit record of a request. */
export type Annotate = (key: string, value: string) => void;

export interface AdmissionRequest {
  readonly operation: "create" | "update" | "delete" | "connect";
  readonly kind: KindDefinition;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly user: User;
  readonly dryRun: boolean;
  /** Puts something into the audit record of the request. Absent: there is none. */
  readonly annotate?: Annotate;
  /** Absent on delete. */
  readonly object?: KubernetesObject;
  /** Absent on create. */
  readonly old?: KubernetesObject;
}

/** One admission step; a table of these runs in order, all `mutate` first, then validation of the kind, then all `validate`. */
export interface AdmissionPlugin {
  readonly name: string;
  /** Returns the object to go on with. Throws StatusError to refuse. */
  readonly mutate?: (request: AdmissionRequest, objects: Objects) => Promise<KubernetesObject> | KubernetesObject;
  /** Throws StatusError to refuse; may return warnings. */
  readonly validate?: (
    request: AdmissionRequest,
    objects: Objects,
  ) => Promise<readonly string[] | undefined> | readonly string[] | undefined;
}

/** Who makes this request? undefined: no credentials were given. Throws StatusError 401 for bad ones. */
export type Authenticator = (request: HttpRequest) => Promise<User | undefined>;

/** What the parts of the API server are made from. */
export interface ApiServerParts {
  readonly authenticate: Authenticator;
  readonly authorize: Authorizer;
  readonly kinds: readonly KindDefinition[];
  readonly virtualResources: readonly VirtualResource[];
  readonly subresources: readonly Subresource[];
  readonly admission: readonly AdmissionPlugin[];
  readonly gates: FeatureGates;
  /** GET of further non-resource paths, authorised already; undefined for a path that is not theirs. */
  readonly paths?: (path: string) => Promise<HttpResponse | undefined>;
}
