import { badRequest } from "../../api/status-error.ts";
import { ANONYMOUS, SERVICE_ACCOUNT_PREFIX } from "../../api/user.ts";
import type { User } from "../../api/user.ts";
import type { Authorizer, ResourceAttributes } from "../../core/authz/attributes.ts";
import type { HttpRequest } from "../../ports/http.ts";
import { authorizeOrRefuse } from "./authorization.ts";

const AUTHENTICATED = "system:authenticated";
const UNAUTHENTICATED = "system:unauthenticated";
const EXTRA_PREFIX = "impersonate-extra-";

type Target = Pick<ResourceAttributes, "group" | "version" | "resource" | "subresource" | "namespace" | "name">;

/**
 * Who the request is to be treated as. Without impersonation headers that is `user`; with them, every part of the
 * requested identity must be allowed to `user` (verb impersonate).
 *
 * @throws StatusError 400 for headers without a user, 403
 */
export async function impersonated(request: HttpRequest, user: User, authorize: Authorizer): Promise<User> {
  const { headers } = request;
  const name = headers["impersonate-user"] ?? "";
  const groups = splitList(headers["impersonate-group"]);
  const uid = headers["impersonate-uid"] ?? "";
  const extra = extraOf(headers);
  const others = groups.length > 0 || uid !== "" || extra.length > 0;
  if (name === "") {
    if (others) throw badRequest("requested an impersonated group, uid or extra without impersonating a user");
    return user;
  }
  const serviceAccount = parseServiceAccount(name);
  const targets: readonly Target[] = [
    serviceAccount === undefined
      ? target("", "users", name)
      : { ...target("", "serviceaccounts", serviceAccount.name), namespace: serviceAccount.namespace },
    ...groups.map((group) => target("", "groups", group)),
    ...extra.map(([key, value]) => ({ ...target("authentication.k8s.io", "userextras", value), subresource: key })),
    ...(uid === "" ? [] : [target("authentication.k8s.io", "uids", uid)]),
  ];
  for (const each of targets) {
    await authorizeOrRefuse(authorize, { type: "resource", user, verb: "impersonate", ...each }, request.signal);
  }
  const known = groups.length > 0 || serviceAccount === undefined ? groups : groupsOf(serviceAccount.namespace);
  return {
    name,
    ...(uid !== "" && { uid }),
    groups: withImpliedGroup(name, known),
    extra: Object.fromEntries(
      [...new Set(extra.map(([key]) => key))].map((key) => [
        key,
        extra.filter(([other]) => other === key).map(([, value]) => value),
      ]),
    ),
  };
}

/** The request as whoever it reaches next may see it: without the headers that were dealt with. */
export function withoutImpersonation(request: HttpRequest): HttpRequest {
  const impersonates = (name: string): boolean => name.startsWith("impersonate-");
  if (!Object.keys(request.headers).some(impersonates)) return request;
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !impersonates(name)));
  return {
    method: request.method,
    target: request.target,
    path: request.path,
    query: request.query,
    headers,
    httpVersion: request.httpVersion,
    peer: request.peer,
    signal: request.signal,
    body: (limitBytes) => request.body(limitBytes),
    ...(request.upgrade !== undefined && { upgrade: request.upgrade }),
  };
}

function target(group: string, resource: string, name: string): Target {
  return { group, version: "v1", resource, subresource: "", namespace: "", name };
}

function splitList(header: string | undefined): readonly string[] {
  return (header ?? "")
    .split(",")
    .map((value) => value.trim())
    .filter((value) => value !== "");
}

function extraOf(headers: HttpRequest["headers"]): readonly (readonly [key: string, value: string])[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith(EXTRA_PREFIX)
      ? splitList(value).map((each) => [decodeKey(name.slice(EXTRA_PREFIX.length)), each] as const)
      : [],
  );
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

function parseServiceAccount(name: string): { readonly namespace: string; readonly name: string } | undefined {
  if (!name.startsWith(SERVICE_ACCOUNT_PREFIX)) return undefined;
  const [namespace = "", account = "", ...rest] = name.slice(SERVICE_ACCOUNT_PREFIX.length).split(":");
  return namespace === "" || account === "" || rest.length > 0 ? undefined : { namespace, name: account };
}

function groupsOf(namespace: string): readonly string[] {
  return ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
}

function withImpliedGroup(name: string, groups: readonly string[]): readonly string[] {
  if (name === ANONYMOUS.name) return groups.includes(UNAUTHENTICATED) ? groups : [...groups, UNAUTHENTICATED];
  return groups.includes(AUTHENTICATED) || groups.includes(UNAUTHENTICATED) ? groups : [...groups, AUTHENTICATED];
}
