import type { KindDefinition } from "../../api/kinds/definition.ts";
import type { ApiServerParts, Subresource, VirtualResource } from "../extension.ts";
import { apiVersionOf } from "../encoding/object-view.ts";
import type { ProtobufKind } from "../encoding/protobuf/transcode-body.ts";
import { FINALIZE } from "../resources/aspects.ts";
import { qualifiedName } from "../resources/kind-policies.ts";
import type { RestDeps } from "../rest/request-scope.ts";
import { createBindings, createPodBinding } from "../subresources/binding.ts";
import { createPodEviction } from "../subresources/eviction.ts";
import { EPHEMERAL_CONTAINERS, RESIZE } from "../subresources/pod-parts.ts";
import { REQUEST_APPROVAL, REQUEST_STATUS } from "../subresources/request-approval.ts";
import type { AspectRoute } from "./resource-routes.ts";

export interface RouteParts {
  readonly kinds: readonly KindDefinition[];
  readonly virtualResources: readonly VirtualResource[];
  readonly subresources: readonly Subresource[];
  readonly aspects: readonly AspectRoute[];
}

/** The parts given, and what the server adds for kinds it has. A part given wins over one of the same path. */
export function builtinRoutes(
  deps: RestDeps,
  parts: ApiServerParts,
): RouteParts & { readonly discovered: Omit<RouteParts, "aspects"> } {
  const find = (name: string): readonly KindDefinition[] => parts.kinds.filter((kind) => qualifiedName(kind) === name);
  const pods = find("pods");
  const own = pods.flatMap((kind) => [createPodBinding(deps, kind), createPodEviction(deps, kind)]);
  const given = new Set(parts.subresources.map(pathOf));
  const subresources = [...parts.subresources, ...own.filter((each) => !given.has(pathOf(each)))];
  const virtualResources = [...parts.virtualResources, ...pods.map((kind) => createBindings(deps, kind))];
  const readAndWrite = ["get", "patch", "update"] as const;
  const aspects: readonly AspectRoute[] = [
    ...pods.flatMap((kind) => [EPHEMERAL_CONTAINERS, RESIZE].map((aspect) => ({ kind, aspect, verbs: readAndWrite }))),
    ...find("namespaces").map((kind) => ({ kind, aspect: FINALIZE, verbs: ["update"] as const })),
    ...find("certificatesigningrequests.certificates.k8s.io").flatMap((kind) => [
      { kind, aspect: REQUEST_APPROVAL, verbs: readAndWrite },
      { kind, aspect: REQUEST_STATUS, verbs: readAndWrite },
    ]),
  ];
  const shown = aspects.map((route) => asDiscovered(route));
  return {
    kinds: parts.kinds,
    virtualResources,
    subresources,
    aspects,
    discovered: { kinds: parts.kinds, virtualResources, subresources: [...subresources, ...shown] },
  };
}

/** Kinds of subresource bodies, which are no resources of their own. */
const BODY_KINDS: readonly ProtobufKind[] = [
  { apiVersion: "v1", kind: "Binding", schema: "V1Binding" },
  { apiVersion: "policy/v1", kind: "Eviction", schema: "V1Eviction" },
  { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", schema: "AuthenticationV1TokenRequest" },
];

/** Every kind a protobuf body may hold. */
export function protobufKinds({ kinds, virtualResources }: RouteParts): readonly ProtobufKind[] {
  const stored = [...kinds, ...virtualResources.map(({ definition }) => definition)];
  return [...stored.map((kind) => ({ ...kind, apiVersion: apiVersionOf(kind) })), ...BODY_KINDS];
}

function pathOf({ group, version, resource, subresource }: Subresource): string {
  return `${group}/${version}/${resource}/${subresource}`;
}

/** For discovery only: requests never reach this handler. */
function asDiscovered({ kind, aspect, verbs }: AspectRoute): Subresource {
  const { group, version, resource, namespaced } = kind;
  return {
    group,
    version,
    resource,
    subresource: aspect.subresource,
    namespaced,
    kind,
    verbs,
    handle: () => Promise.reject(new Error(`${resource}/${aspect.subresource} is served as an aspect`)),
  };
}
