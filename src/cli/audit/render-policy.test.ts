import { celEnv, type CelInput, isCelError, parse, plan } from "@bufbuild/cel";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { type Corpus, loadCorpus } from "../../../test/audit/corpus.ts";
import { grantsCommands, type RoleException } from "../../core/audit/nodes-proxy-policy.ts";
import { POLICY_FORMS, POLICY_MODES, type PolicyForm } from "./options.ts";
import { type PolicyRequest, renderPolicy } from "./render-policy.ts";

const NOW = Date.parse("2026-06-01T00:00:00Z");

interface Expressions {
  readonly variables: readonly { readonly name: string; readonly expression: string }[];
  readonly validation: string;
}

type Json = Readonly<Record<string, CelInput>>;

function documentsFor(request: Partial<PolicyRequest> = {}): readonly unknown[] {
  const text = renderPolicy({ form: "vap", mode: "deny", strict: false, exceptions: [], now: NOW, ...request });
  return parseAllDocuments(text).map((document) => document.toJS() as unknown);
}

/** Where each engine looks for its CEL. A path that leads nowhere fails the test. */
const PLACES: Readonly<Record<PolicyForm, readonly (string | number)[]>> = {
  vap: ["spec"],
  kyverno: ["spec"],
  "kyverno-clusterpolicy": ["spec", "rules", 0, "validate", "cel"],
  gatekeeper: ["spec", "targets", 0, "code", 0, "source"],
};

function at(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((found, key) => (found as Readonly<Record<string | number, unknown>>)[key], value);
}

function expressionsOf(form: PolicyForm, request: Partial<PolicyRequest> = {}): Expressions {
  const source = at(documentsFor({ ...request, form })[0], PLACES[form]);
  const variables = at(source, ["variables"]) as Expressions["variables"];
  const validations = form === "kyverno-clusterpolicy" ? "expressions" : "validations";
  return { variables, validation: at(source, [validations, 0, "expression"]) as string };
}

const ENVIRONMENT = celEnv();
const plans = new Map<string, (values: Json) => unknown>();

function planned(expression: string): (values: Json) => unknown {
  const known = plans.get(expression) ?? plan(ENVIRONMENT, parse(expression));
  plans.set(expression, known);
  return known;
}

/** As the engines do: `object` and `oldObject` are plain JSON without types, `oldObject` is null when there is none. */
function passes({ variables, validation }: Expressions, object: unknown, oldObject: unknown = null): boolean {
  const evaluate = (expression: string, values: Json): CelInput => {
    const result = planned(expression)({
      object: JSON.parse(JSON.stringify(object)) as CelInput,
      oldObject: JSON.parse(JSON.stringify(oldObject)) as CelInput,
      variables: values,
    });
    if (isCelError(result)) throw new Error(`${expression}: ${result.message}`);
    return result as CelInput;
  };
  let values: Json = {};
  for (const { name, expression } of variables) values = { ...values, [name]: evaluate(expression, values) };
  return evaluate(validation, values) === true;
}

describe.each(POLICY_FORMS)("policy for %s", (form) => {
  let corpus: Corpus;
  beforeAll(async () => {
    corpus = await loadCorpus();
  });
  const plain = expressionsOf(form);
  const strict = expressionsOf(form, { strict: true });

  it("refuses exactly the roles of the corpus whose own rules run commands", () => {
    expect(corpus.roles.length).toBeGreaterThan(30);
    for (const role of corpus.roles) {
      const collects = (role.aggregationRule?.clusterRoleSelectors ?? []).length > 0;
      const grants = corpus.expected.get(role.metadata?.name ?? "") === "runs-commands" && !collects;
      expect(passes(plain, role), role.metadata?.name).toBe(!grants);
      expect(passes(strict, role), role.metadata?.name).toBe(!grants);
    }
  });

  it("agrees with the audit's own decision on any rules", () => {
    const some = (...values: readonly string[]): fc.Arbitrary<string[]> => fc.subarray([...values]);
    const rule = fc.record(
      {
        verbs: some("get", "create", "list", "update", "*"),
        apiGroups: some("", "*", "apps"),
        resources: some("nodes/proxy", "*/proxy", "*", "nodes/*", "nodes", "pods/proxy", "nodes/metrics"),
        resourceNames: some("node-1"),
        nonResourceURLs: some("/metrics", "*"),
      },
      { requiredKeys: ["verbs"] },
    );
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 4 }), (rules) => {
        expect(passes(strict, { metadata: { name: "any" }, rules })).toBe(!grantsCommands({ rules }));
      }),
    );
  });

  it("lets roles change that granted it before, unless it is strict, and never lets one begin to", () => {
    const harmless = { metadata: { name: "before" }, rules: [{ nonResourceURLs: ["/metrics"], verbs: ["get"] }] };
    for (const role of corpus.roles) {
      const grants = grantsCommands(role);
      expect(passes(plain, role, role), role.metadata?.name).toBe(true);
      expect(passes(strict, role, role), role.metadata?.name).toBe(!grants);
      expect(passes(plain, role, harmless), role.metadata?.name).toBe(!grants);
      expect(passes(plain, harmless, role), role.metadata?.name).toBe(true);
    }
  });

  it("refuses an aggregated role when the controller fills it", () => {
    const collected = corpus.roles.find(({ metadata }) => metadata?.name === "proxy-get");
    const empty = { metadata: { name: "aggregated" }, rules: null };
    expect(passes(plain, { ...empty, rules: collected?.rules }, empty)).toBe(false);
  });

  it("leaves the standard roles to the API server", () => {
    const rules = [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }];
    expect(passes(strict, { metadata: { name: "cluster-admin" }, rules })).toBe(true);
    expect(passes(strict, { metadata: { name: "cluster-admin-2" }, rules })).toBe(false);
  });

  it("accepts named exceptions, until they expire", () => {
    const exceptions: readonly RoleException[] = [
      { role: "always", reason: "r" },
      { role: "for-now", reason: "r", expires: "2026-07-01" },
      { role: "over", reason: "r", expires: "2026-05-31" },
    ];
    const written = expressionsOf(form, { exceptions, strict: true });
    const rules = [{ apiGroups: [""], resources: ["nodes/proxy"], verbs: ["get"] }];
    const role = (name: string, created?: string, changed?: string): unknown => ({
      metadata: {
        name,
        ...(created !== undefined && { creationTimestamp: created }),
        ...(changed !== undefined && { managedFields: [{ manager: "kubectl", time: changed }, { manager: "x" }] }),
      },
      rules,
    });
    expect(passes(written, role("always", "2030-01-01T00:00:00Z"))).toBe(true);
    expect(passes(written, role("for-now"))).toBe(true);
    expect(passes(written, role("for-now", "2026-06-30T23:59:59Z", "2026-06-30T23:59:59Z"))).toBe(true);
    expect(passes(written, role("for-now", "2026-07-01T00:00:00Z"))).toBe(false);
    // Made in time, changed afterwards.
    expect(passes(written, role("for-now", "2026-06-30T00:00:00Z", "2026-07-02T00:00:00Z"))).toBe(false);
    expect(passes(written, role("over", "2026-06-01T00:00:00Z"))).toBe(false);
    expect(passes(written, role("another"))).toBe(false);
  });
});

describe("modes of policies", () => {
  it.each([
    ["vap", 1, ["spec", "validationActions", 0], { deny: "Deny", warn: "Warn", audit: "Audit" }],
    ["kyverno", 0, ["spec", "validationActions", 0], { deny: "Deny", warn: "Warn", audit: "Audit" }],
    [
      "kyverno-clusterpolicy",
      0,
      ["spec", "rules", 0, "validate", "failureAction"],
      { deny: "Enforce", warn: "Audit", audit: "Audit" },
    ],
    ["gatekeeper", 1, ["spec", "enforcementAction"], { deny: "deny", warn: "warn", audit: "dryrun" }],
  ] as const)("%s", (form, document, path, words) => {
    for (const mode of POLICY_MODES) expect(at(documentsFor({ form, mode })[document], path)).toBe(words[mode]);
  });

  it("names exceptions and their reasons where people will read them", () => {
    const text = renderPolicy({
      form: "vap",
      mode: "deny",
      strict: true,
      now: NOW,
      exceptions: [{ role: "old-agent", reason: "until\nits upgrade", expires: "2026-07-01" }],
    });
    expect(text).toContain("# exception: old-agent until 2026-07-01: until its upgrade\n");
  });
});
