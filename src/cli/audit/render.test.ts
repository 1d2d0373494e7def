import { beforeAll, describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { loadCorpus } from "../../../test/audit/corpus.ts";
import { auditKubelets } from "../../core/audit/audit.ts";
import { accept } from "../../core/audit/exceptions.ts";
import { createAuditInput } from "../../core/audit/input-builder.ts";
import type { KubeletAccessReport } from "../../core/audit/report.ts";
import { REPORT_FORMS } from "./options.ts";
import { renderReport } from "./render.ts";

const GROUP = "rbac.authorization.k8s.io";
const options = { generatedAt: "2026-01-01T00:00:00Z", source: "corpus", assumedKubelet: "1.36" };

let corpus: KubeletAccessReport;
beforeAll(async () => {
  const { input } = await loadCorpus();
  const problem = { origin: { file: "broken file.yaml", line: 7 }, message: "not YAML", severity: "error" } as const;
  corpus = accept(
    auditKubelets({ ...input, problems: [problem] }, options),
    [{ subject: "system:serviceaccount:corpus:proxy-create", reason: "until its upgrade" }],
    [],
    0,
  );
});

/** One holder of nodes/proxy with names nobody should be able to do harm with. */
function reportOf(name: string, file = "f.yaml", bindings = 1): KubeletAccessReport {
  const builder = createAuditInput({ defaultNamespace: "default", wholeCluster: false });
  const rules = [{ apiGroups: [""], resources: ["nodes/proxy"], verbs: ["get"] }];
  const bound = Array.from({ length: bindings }, (_, i) => ({
    apiVersion: `${GROUP}/v1`,
    kind: "ClusterRoleBinding",
    metadata: { name: i === 0 ? name : `${name}-${i}` },
    roleRef: { kind: "ClusterRole", name },
    subjects: [{ kind: "User", name }],
  }));
  for (const value of [{ apiVersion: `${GROUP}/v1`, kind: "ClusterRole", metadata: { name }, rules }, ...bound])
    builder.add({ value, origin: { file, line: 1 } });
  return auditKubelets(builder.finish(), options);
}

describe("every form of the report", () => {
  it.each(REPORT_FORMS.filter((form) => form !== "fix"))("%s names everybody who can run commands", (form) => {
    const text = renderReport(corpus, form, false);
    for (const { name, runCommands, accepted } of corpus.subjects) {
      if (runCommands !== undefined && accepted === undefined) expect(text, name).toContain(name.split(":").at(-1));
    }
  });

  it.each(REPORT_FORMS)("%s has no colour unless asked for", (form) => {
    // eslint-disable-next-line no-control-regex
    expect(renderReport(corpus, form, false)).not.toMatch(/\u001b/);
  });
});

describe.each(["table", "wide", "name", "markdown", "html"] as const)("%s", (form) => {
  it("lets no name be a command to a terminal, or begin a line of its own", () => {
    const text = renderReport(reportOf("a\u001b]0;x\u0007b\nsystem:masters"), form, false);
    expect(text).toContain("a?]0;x?b?");
    // eslint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u001b\u0007]|^system:masters/m);
  });
});

describe("table", () => {
  it("is in colour when asked for, and lets no name reach the terminal as a command", () => {
    expect(renderReport(corpus, "table", true)).toContain("\u001b[31mCAN RUN COMMANDS");
    expect(renderReport(reportOf("a\u001b]0;x\u0007b"), "table", false)).toContain("a?]0;x?b");
  });

  it("says first who, with what, where and through which rule", () => {
    expect(renderReport(corpus, "table", false)).toMatch(
      /proxy-get +get alone +all +ClusterRoleBinding proxy-get of ClusterRole proxy-get \(.*blind-spots\.yaml:7\)/,
    );
  });

  it("says each node once, whatever way leads to it", () => {
    const builder = createAuditInput({ defaultNamespace: "default", wholeCluster: false });
    const rules = [{ apiGroups: [""], resources: ["nodes/proxy"], verbs: ["get"], resourceNames: ["n2", "n1"] }];
    const metadata = { name: "named" };
    const values = [
      { apiVersion: `${GROUP}/v1`, kind: "ClusterRole", metadata, rules },
      {
        apiVersion: `${GROUP}/v1`,
        kind: "ClusterRoleBinding",
        metadata,
        roleRef: { kind: "ClusterRole", name: "named" },
        subjects: [{ kind: "User", name: "jane" }],
      },
      ...["v1.31.0", "v1.36.0"].map((kubeletVersion, index) => ({
        apiVersion: "v1",
        kind: "Node",
        metadata: { name: `n${index + 1}` },
        status: { nodeInfo: { kubeletVersion } },
      })),
    ];
    for (const value of values) builder.add({ value, origin: { file: "f.yaml", line: 1 } });
    expect(renderReport(auditKubelets(builder.finish(), options), "table", false)).toMatch(
      /jane +get alone +n1, n2 +ClusterRoleBinding/,
    );
  });

  it("shows the whole chain of a detour, and says at the end what was not understood", () => {
    const text = renderReport(corpus, "wide", false);
    expect(text).toContain("two-steps-away may impersonate system:serviceaccount:corpus:pod-maker");
    expect(text).toContain("system:serviceaccount:corpus:pod-maker may create a pod that runs as");
    expect(text).toContain("error: broken file.yaml:7: not YAML");
    expect(text.trimEnd().split("\n").at(-1)).toBe("INCOMPLETE: see the problems with the input");
  });

  it("shows some of a subject's many bindings, and all with -o wide", () => {
    const report = reportOf("agent", "f.yaml", 30);
    for (const form of ["table", "markdown", "html"] as const) {
      const text = renderReport(report, form, false);
      expect(text).toContain("… and 10 more");
      expect(text).not.toContain("agent-29");
    }
    expect(renderReport(report, "wide", false)).toContain("ClusterRoleBinding agent-29");
    expect(renderReport(report, "json", false)).toContain("agent-29");
  });

  it("keeps to itself what only -o wide is for", () => {
    expect(renderReport(corpus, "table", false)).not.toContain("until its upgrade");
    expect(renderReport(corpus, "wide", false)).toMatch(/ACCEPTED\n.*proxy-create +until its upgrade/);
    expect(renderReport(corpus, "wide", false)).toMatch(/exec +kubelet +get nodes\/proxy/);
  });
});

describe("json and yaml", () => {
  it("say the same, with a version", () => {
    const json: unknown = JSON.parse(renderReport(corpus, "json", false));
    expect(json).toMatchObject({ apiVersion: "audit.orlop.dev/v1alpha1", kind: "KubeletAccessReport" });
    expect(parse(renderReport(corpus, "yaml", false))).toEqual(json);
  });
});

interface Sarif {
  readonly version: string;
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } };
    readonly results: readonly {
      readonly ruleId: string;
      readonly ruleIndex: number;
      readonly level: string;
      readonly message: { readonly text: string };
      readonly locations: readonly {
        readonly physicalLocation: {
          readonly artifactLocation: { readonly uri: string };
          readonly region: { readonly startLine: number };
        };
      }[];
      readonly suppressions?: readonly unknown[];
    }[];
  }[];
}

const sarifOf = (report: KubeletAccessReport): Sarif => JSON.parse(renderReport(report, "sarif", false)) as Sarif;

describe("sarif", () => {
  it("gives each finding a known rule, a level, a text, a file and a line", () => {
    const { version, runs } = sarifOf(corpus);
    expect(version).toBe("2.1.0");
    const [{ tool, results } = { tool: { driver: { rules: [] } }, results: [] }] = runs;
    expect(results.length).toBeGreaterThan(30);
    for (const { ruleId, ruleIndex, level, message, locations } of results) {
      expect(tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
      expect(["error", "warning", "note"]).toContain(level);
      expect(message.text).not.toBe("");
      const [location] = locations;
      expect(location?.physicalLocation.region.startLine).toBeGreaterThan(0);
      expect(URL.canParse(location?.physicalLocation.artifactLocation.uri ?? "", "file:///")).toBe(true);
    }
  });

  it("points at the line of the rule, and takes accepted findings back", () => {
    const results = sarifOf(corpus).runs[0]?.results ?? [];
    const about = (name: string) => results.find(({ message }) => message.text.startsWith(`${name} can run`));
    expect(about("system:serviceaccount:corpus:proxy-get")?.locations[0]?.physicalLocation.region.startLine).toBe(7);
    expect(about("system:serviceaccount:corpus:proxy-get")?.suppressions).toBeUndefined();
    expect(about("system:serviceaccount:corpus:proxy-create")?.suppressions).toHaveLength(1);
  });

  it.each([
    ["charts/a b#1.yaml", "charts/a%20b%231.yaml"],
    ["./x.yaml", "x.yaml"],
    ["/tmp/x?.yaml", "file:///tmp/x%3F.yaml"],
    ["", "cluster"],
  ])("writes the file %j as a URI", (file, uri) => {
    const [first] = sarifOf(reportOf("a", file)).runs[0]?.results ?? [];
    expect(first?.locations[0]?.physicalLocation.artifactLocation.uri).toBe(uri);
  });
});

describe("markdown", () => {
  it("keeps names from breaking out of their cells", () => {
    const text = renderReport(reportOf("a|b`c\n<img src=x>"), "markdown", false);
    const rows = text.split("\n").filter((line) => line.includes("src=x"));
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) {
      expect(row).toMatch(/^\| .* \|$/);
      expect(row.replaceAll("\\|", "").split("|")).toHaveLength(row.includes("get\u00a0alone") ? 6 : 7);
    }
    expect(text.replaceAll(/`[^`]*`/g, "")).not.toMatch(/(?<!\\)<img/);
  });
});

describe("html", () => {
  it("is one file that asks nobody for anything", () => {
    const text = renderReport(corpus, "html", false);
    expect(text).toContain("<svg ");
    expect(text).toContain("default-src 'none'");
    expect(text).not.toMatch(/<(script|link|img|iframe)|url\(|@import|\son\w+=/i);
    expect(text).not.toMatch(/(?:src|href)=/);
  });

  it("lets no name become markup", () => {
    const text = renderReport(reportOf(`"><script>alert(1)</script>&'`), "html", false);
    expect(text).not.toContain("<script");
    expect(text).toContain("&#60;script&#62;");
  });

  it("draws holders, roles and what they reach, and who gets there by a detour", () => {
    const text = renderReport(corpus, "html", false);
    const drawing = /<svg[\s\S]*<\/svg>/.exec(text)?.[0] ?? "";
    for (const title of ["By a detour", "Subjects", "Roles", "Reach"]) expect(drawing).toContain(`>${title}<`);
    expect(drawing).toContain("<title>system:serviceaccount:corpus:proxy-get</title>");
    expect(drawing.match(/<path class="warning"/g)?.length).toBeGreaterThan(10);
    expect(drawing).not.toMatch(/NaN|undefined/);
  });

  it("says so when there is nothing to draw", () => {
    const nobody = { ...corpus, subjects: [] };
    expect(renderReport(nobody, "html", false)).toContain("Nobody but built-in administrators reaches a kubelet");
  });
});

describe("fix", () => {
  it("writes documents that can be applied, with what they are for", () => {
    const text = renderReport(reportOf("fluent-bit"), "fix", false);
    const documents = parseAllDocuments(text).map((document) => document.toJS() as unknown);
    expect(documents).toMatchObject([
      { kind: "ClusterRole", rules: [{ resources: ["nodes/pods"], verbs: ["get"] }] },
      { kind: "Component", patches: [{ target: { kind: "ClusterRole", name: "fluent-bit" } }] },
    ]);
    expect(text).toContain("# fluent-bit\n# verdict: replaceable, by known-component");
  });

  it("lets no name end its comment", () => {
    const text = renderReport(reportOf("fluent-bit\nkind: Secret"), "fix", false);
    for (const document of parseAllDocuments(text)) expect(document.get("kind")).not.toBe("Secret");
  });

  it("says when there is nothing to change", () => {
    expect(renderReport({ ...corpus, subjects: [] }, "fix", false)).toBe("# nothing to change\n");
  });
});

describe("name", () => {
  it("lists those who count, one a line", () => {
    const lines = renderReport(corpus, "name", false).trimEnd().split("\n");
    expect(lines).toContain("system:serviceaccount:corpus:proxy-get");
    expect(lines).not.toContain("system:serviceaccount:corpus:proxy-create");
    expect(lines).toHaveLength(corpus.summary.canRunCommands);
  });
});
