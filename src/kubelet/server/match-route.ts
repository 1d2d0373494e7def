import type { PathParameters, Route, RouteState } from "./routes.ts";

/** What the router makes of a request. Only "route", "disabled", "not-found" and "wrong-method" are behind authorization. */
export type RouteMatch =
  | { readonly match: "route"; readonly route: Route; readonly parameters: PathParameters }
  | { readonly match: "disabled"; readonly route: Route; readonly text: string }
  /** Below a service, but nothing there. */
  | { readonly match: "not-found"; readonly route: Route }
  | { readonly match: "wrong-method"; readonly route: Route; readonly allow: readonly string[] }
  /** A path that is known with a slash at its end. */
  | { readonly match: "redirect"; readonly path: string }
  | { readonly match: "unknown" };

export interface ActiveRoute {
  readonly route: Route;
  readonly state: Exclude<RouteState, "absent">;
}

/**
 * Finds the route for a request. `path` is the decoded path that authorization sees too; nothing is normalised here, so
 * the two can not disagree about what a request is.
 */
export function matchRoute(active: readonly ActiveRoute[], method: string, path: string): RouteMatch {
  const exact = active.find(({ route }) => route.kind === "exact" && route.base === path);
  if (exact !== undefined) {
    if (exact.state !== "served") return { match: "disabled", route: exact.route, text: exact.state.disabled };
    return { match: "route", route: exact.route, parameters: {} };
  }
  const owners = active.filter(({ route, state }) => route.kind === "service" && owns(baseOf(route, state), path));
  const [owner] = owners;
  if (owner === undefined) {
    const redirected = active.find(
      ({ route, state }) => route.kind === "service" && baseOf(route, state) === `${path}/`,
    );
    return redirected === undefined ? { match: "unknown" } : { match: "redirect", path: `${path}/` };
  }
  if (owner.state !== "served") return { match: "disabled", route: owner.route, text: owner.state.disabled };
  return matchService(owner.route, method, path);
}

/** A disabled service is registered with a slash at its end, whatever it is when served. */
function baseOf(route: Route, state: ActiveRoute["state"]): string {
  return state === "served" || route.base.endsWith("/") ? route.base : `${route.base}/`;
}

function owns(base: string, path: string): boolean {
  return base.endsWith("/") ? path.startsWith(base) : path === base || path.startsWith(`${base}/`);
}

function matchService(route: Route, method: string, path: string): RouteMatch {
  for (const pattern of route.patterns) {
    const parameters = matchPattern(pattern, path);
    if (parameters === undefined) continue;
    const { methods } = route;
    if (methods !== "any" && !methods.includes(method)) return { match: "wrong-method", route, allow: methods };
    return { match: "route", route, parameters };
  }
  return { match: "not-found", route };
}

/** Values of the placeholders, or undefined when the path does not fit. Placeholders are never empty, {rest...} may be. */
export function matchPattern(pattern: string, path: string): PathParameters | undefined {
  const wanted = pattern.split("/");
  const given = path.split("/");
  const parameters: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const rest = /^\{(\w+)\.\.\.\}$/.exec(part)?.[1];
    if (rest !== undefined) {
      parameters[rest] = given.slice(index).join("/");
      return parameters;
    }
    const value = given[index];
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (value === undefined || (name === undefined ? value !== part : value === "")) return undefined;
    if (name !== undefined) parameters[name] = value;
  }
  // One slash at the end is forgiven, as the upstream router does.
  const extra = given.length - wanted.length;
  return extra === 0 || (extra === 1 && given.at(-1) === "" && wanted.at(-1) !== "") ? parameters : undefined;
}

/**
 * Where a client is sent whose path has empty, "." or ".." components: upstream's mux answers those before anything else.
 * Works on the path as it was sent (escaped), so that %2e and %2F stay what they are. undefined when it is clean.
 */
export function cleanedTarget(target: string): string | undefined {
  const question = target.indexOf("?");
  const path = question < 0 ? target : target.slice(0, question);
  if (!path.startsWith("/")) return undefined;
  const names: string[] = [];
  for (const name of path.split("/").slice(1)) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  const clean = `/${names.join("/")}${path.endsWith("/") && names.length > 0 ? "/" : ""}`;
  if (clean === path) return undefined;
  // Browsers take a backslash for a slash, and what begins with two slashes for another host.
  return `${clean.replaceAll("\\", "%5C")}${question < 0 ? "" : target.slice(question)}`;
}

/** Whether the first segment of a path holds an encoded slash: as upstream, it is then no endpoint's name. */
export function hidesSlash(target: string): boolean {
  return /^\/[^/?]*%2f/iu.test(target);
}
