import type { PolicyRule } from "../../api/types.ts";
import { quotedList } from "./quoted.ts";
import { urlCovers } from "./rule-matching.ts";

/** A rule that can not be split further: one verb on one resource (or one name of it), or one verb on one URL. */
type Atom =
  | {
      readonly verb: string;
      readonly group: string;
      readonly resource: string;
      /** undefined: all names. */
      readonly name: string | undefined;
    }
  | { readonly verb: string; readonly url: string };

/** More atoms than this are not compared: lists of a few thousand entries multiply into billions. */
export const MAX_ATOMS = 200_000;

function* atomsOf({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): Generator<Atom> {
  const names: readonly (string | undefined)[] =
    resourceNames === undefined || resourceNames.length === 0 ? [undefined] : resourceNames;
  for (const group of apiGroups ?? []) {
    for (const resource of resources ?? []) {
      for (const verb of verbs) {
        for (const name of names) yield { verb, group, resource, name };
      }
    }
  }
  for (const url of nonResourceURLs ?? []) {
    for (const verb of verbs) yield { verb, url };
  }
}

function atomCount(rule: PolicyRule): number {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  return (
    verbs.length * (apiGroups.length * resources.length * Math.max(1, resourceNames.length) + nonResourceURLs.length)
  );
}

/** "*" covers everything; an enumeration never covers "*". */
function listCovers(owned: readonly string[], wanted: string): boolean {
  return owned.includes("*") || owned.includes(wanted);
}

function resourceCovers(owned: readonly string[], wanted: string): boolean {
  if (listCovers(owned, wanted)) return true;
  const slash = wanted.indexOf("/");
  return slash >= 0 && owned.includes(`*/${wanted.slice(slash + 1)}`);
}

function ruleCovers(owned: PolicyRule, atom: Atom): boolean {
  if (!listCovers(owned.verbs, atom.verb)) return false;
  const names = owned.resourceNames ?? [];
  // A rule of both kinds is malformed; as upstream, its names restrict it to what has names.
  if ("url" in atom) return names.length === 0 && (owned.nonResourceURLs ?? []).some((one) => urlCovers(one, atom.url));
  return (
    listCovers(owned.apiGroups ?? [], atom.group) &&
    resourceCovers(owned.resources ?? [], atom.resource) &&
    (names.length === 0 || (atom.name !== undefined && names.includes(atom.name)))
  );
}

export type Coverage =
  | { readonly type: "covered" }
  /** Rules that are not held, joined per resource. */
  | { readonly type: "missing"; readonly rules: readonly PolicyRule[] }
  | { readonly type: "too-large"; readonly atoms: number };

/**
 * Whether somebody who holds `owned` already holds everything in `wanted`. Each smallest part of a wanted rule must be
 * covered by one single owned rule.
 */
export function coverage(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): Coverage {
  const atoms = wanted.reduce((sum, rule) => sum + atomCount(rule), 0);
  if (atoms > MAX_ATOMS) return { type: "too-large", atoms };
  const missing: Atom[] = [];
  for (const rule of wanted) {
    for (const atom of atomsOf(rule)) {
      if (!owned.some((own) => ruleCovers(own, atom))) missing.push(atom);
    }
  }
  return missing.length === 0 ? { type: "covered" } : { type: "missing", rules: joined(missing) };
}

/** One rule per resource (and name), with all its verbs; URLs stay apart, as upstream lists them. */
function joined(atoms: readonly Atom[]): readonly PolicyRule[] {
  const byResource = new Map<string, PolicyRule>();
  const rest: PolicyRule[] = [];
  for (const atom of atoms) {
    if ("url" in atom) {
      rest.push({ nonResourceURLs: [atom.url], verbs: [atom.verb] });
      continue;
    }
    const { group, resource, name, verb } = atom;
    const key = JSON.stringify([group, resource, name]);
    const verbs = [...(byResource.get(key)?.verbs ?? []), verb];
    const names = name === undefined ? {} : { resourceNames: [name] };
    byResource.set(key, { apiGroups: [group], resources: [resource], ...names, verbs });
  }
  return [...rest, ...byResource.values()];
}

/** A rule on one line, the way escalation errors list it. */
export function describeRule(rule: PolicyRule): string {
  const parts = [
    ["APIGroups", rule.apiGroups],
    ["Resources", rule.resources],
    ["NonResourceURLs", rule.nonResourceURLs],
    ["ResourceNames", rule.resourceNames],
    ["Verbs", rule.verbs],
  ] as const;
  const shown = parts.flatMap(([label, list]) =>
    list === undefined || list.length === 0 ? [] : [`${label}:${quotedList(list)}`],
  );
  return `{${shown.join(", ")}}`;
}
