import type { FieldRequirement } from "../../api/field-selector.ts";
import type { User } from "../../api/user.ts";

/** What a request wants to do, as every authorizer sees it. */
export type Attributes = ResourceAttributes | NonResourceAttributes;

export interface ResourceAttributes {
  readonly type: "resource";
  readonly user: User;
  /** "get", "create", …; "" for an HTTP method without a verb. */
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  /** "" for none. */
  readonly subresource: string;
  /** "" for cluster scope or all namespaces. */
  readonly namespace: string;
  /** "" when the request names no single object. */
  readonly name: string;
  /** Of a list, watch or deletecollection, when it has one that can be read. Nodes are limited by it (KEP-4601). */
  readonly fieldSelector?: readonly FieldRequirement[];
}

export interface NonResourceAttributes {
  readonly type: "non-resource";
  readonly user: User;
  /** Lower-cased HTTP method. */
  readonly verb: string;
  readonly path: string;
}

/** An authorizer's answer. "no-opinion" lets the next one speak; in the end it means no. */
export type Decision =
  | { readonly decision: "allow"; readonly reason: string }
  | { readonly decision: "deny"; readonly reason: string }
  | { readonly decision: "no-opinion"; readonly reason: string };

/** Throws when it can not tell; callers then fail closed. */
export type Authorizer = (attributes: Attributes, signal: AbortSignal) => Promise<Decision>;
