import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AuditKubeletOptions } from "../cli/audit/options.ts";
import type { KubeletAccessReport } from "../core/audit/report.ts";
import { auditKubelet } from "./audit.ts";

const GROUP = "rbac.authorization.k8s.io";
const role = (name: string, resource: string): string => `apiVersion: ${GROUP}/v1
kind: ClusterRole
metadata: { name: ${name} }
rules: [{ apiGroups: [""], resources: [${resource}], verbs: [get] }]
`;
const binding = (name: string, to = name): string => `apiVersion: ${GROUP}/v1
kind: ClusterRoleBinding
metadata: { name: ${name} }
roleRef: { apiGroup: ${GROUP}, kind: ClusterRole, name: ${to} }
subjects: [{ kind: ServiceAccount, name: ${name}, namespace: monitoring }]
`;
const HOLDER = `${role("agent", "nodes/proxy")}---\n${binding("agent")}`;
const READER = `${role("reader", "nodes/metrics")}---\n${binding("reader")}`;
const agent = "system:serviceaccount:monitoring:agent";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "audit-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function put(name: string, content: string | Buffer): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

async function audit(
  files: readonly string[],
  more: Partial<AuditKubeletOptions> = {},
): Promise<{ readonly code: number; readonly report: KubeletAccessReport }> {
  const outputFile = join(directory, "report.out");
  const code = await auditKubelet({
    files,
    auditLog: [],
    asGroup: [],
    namespace: "default",
    output: "json",
    outputFile,
    failOn: "run-commands",
    allowIncomplete: false,
    kubeletVersion: "1.36",
    color: false,
    quiet: true,
    ...more,
  });
  return { code, report: JSON.parse(await readFile(outputFile, "utf8")) as KubeletAccessReport };
}

describe("exit codes of orlop audit kubelet", () => {
  it("are 1 for a holder, 0 for nobody, and 2 when a holder may be in what could not be read", async () => {
    const [holder, reader, broken] = [
      await put("holder.yaml", HOLDER),
      await put("reader.yaml", READER),
      await put("broken.yaml", "a: b: c\n"),
    ];
    expect((await audit([holder])).code).toBe(1);
    expect((await audit([reader])).code).toBe(0);
    expect((await audit([reader, broken])).code).toBe(2);
    expect((await audit([reader, broken], { allowIncomplete: true })).code).toBe(0);
    expect((await audit([holder, broken], { allowIncomplete: true })).code).toBe(1);
  });

  it("move with --fail-on", async () => {
    const unbound = await put("unbound.yaml", role("nobody", "nodes/proxy"));
    expect((await audit([unbound])).code).toBe(0);
    expect((await audit([unbound], { failOn: "unbound" })).code).toBe(1);
    const holder = await put("holder.yaml", HOLDER);
    expect((await audit([holder], { failOn: "never" })).code).toBe(0);
    const writer = await put("writer.yaml", HOLDER.replace("verbs: [get]", "verbs: [update]"));
    expect((await audit([writer])).code).toBe(0);
    expect((await audit([writer], { failOn: "proxy" })).code).toBe(1);
  });

  it("do not count exceptions and the baseline", async () => {
    const holder = await put("holder.yaml", HOLDER);
    const exceptions = await put(
      "e.yaml",
      `exceptions: [{ subject: "system:serviceaccount:monitoring:*", reason: r }]`,
    );
    expect((await audit([holder], { exceptions })).code).toBe(0);
    const { report } = await audit([holder]);
    const baseline = await put("baseline.json", JSON.stringify(report));
    expect((await audit([holder], { baseline })).code).toBe(0);
    const wider = await put("wider.yaml", HOLDER.replace("verbs: [get]", "verbs: [get, create]"));
    expect((await audit([wider], { baseline })).code).toBe(1);
    const other = await put("other.yaml", "kind: Other\n");
    await expect(audit([holder], { baseline: other })).rejects.toThrow("is not a report");
    await expect(audit([holder], { exceptions: other })).rejects.toThrow('has no list "exceptions"');
  });

  it("are those of a wrong call for what can not be used", async () => {
    await expect(audit([await put("empty.yaml", "# nothing\n---\n")])).rejects.toThrow("there is no object in");
    await expect(audit([join(directory, "missing.yaml")])).rejects.toThrow("missing.yaml");
    await expect(audit([await put("text.yaml", "just words\n")])).rejects.toThrow("nothing in");
    const holder = await put("holder.yaml", HOLDER);
    await expect(audit([holder], { auditLog: [join(directory, "no.log")] })).rejects.toThrow("no.log");
    await expect(audit([holder], { subject: "group:" })).rejects.toThrow("--subject");
  });
});

describe("input of orlop audit kubelet", () => {
  it("may be a folder in which one file is broken: it is named with its line, the others count", async () => {
    await mkdir(join(directory, "in/sub"), { recursive: true });
    await put("in/a.yaml", HOLDER);
    await put("in/b.yaml", "kind: X\nmetadata:\n  name: a\n bad: indent\n");
    await put(
      "in/sub/c.json.gz",
      gzipSync(JSON.stringify({ apiVersion: "v1", kind: "Node", metadata: { name: "n" } })),
    );
    await put("in/notes.txt", "not for us");
    await symlink(join(directory, "in"), join(directory, "in/sub/up"));
    const { code, report } = await audit([join(directory, "in")]);
    expect(code).toBe(1);
    expect(report.summary).toMatchObject({ files: 3, objects: { Node: 1 }, notUnderstood: { documents: 1 } });
    expect(report.problems).toMatchObject([
      { severity: "error", origin: { file: join(directory, "in/b.yaml"), line: 4 } },
      { severity: "warning", message: expect.stringContaining("notes.txt") },
    ]);
  });

  it("may be full of what helm writes: comments, other kinds, lists, leftovers of templates", async () => {
    const file = await put(
      "chart.yaml",
      [
        "# Source: chart/templates/empty.yaml\n",
        HOLDER,
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: a }\n",
        `apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata: { name: s }\n`,
        "null\n",
        "{{- if .Values.x }}\nkind: Secret\n{{- end }}\n",
        "- a\n- list\n",
        "metadata: { name: without-kind }\n",
        `apiVersion: ${GROUP}/v1\nkind: ClusterRole\nmetadata: {}\n`,
        `apiVersion: ${GROUP}/v1\nkind: ClusterRole\nmetadata: { name: odd }\nrules: [{ verbs: get, resources: [nodes/proxy], apiGroups: [""] }]\n`,
      ].join("---\n"),
    );
    const { report } = await audit([file]);
    expect(report.summary).toMatchObject({
      canRunCommands: 1,
      notUnderstood: {
        documents: 5,
        kinds: { "apiextensions.k8s.io/v1/CustomResourceDefinition": 1, "v1/Service": 1 },
      },
    });
    expect(report.problems.map(({ message }) => message)).toEqual([
      expect.stringContaining("use helm template"),
      "this is a list, not a Kubernetes object",
      "an object without kind: it can not be told what it is",
      "ClusterRole without metadata.name: it can not be told what it grants",
      'ClusterRole "odd": rules[0].verbs is not a list of strings; the rule is left out',
    ]);
  });

  it("may refer to nothing, twice, and in circles", async () => {
    const collects = (name: string, label: string, of: string): string =>
      `apiVersion: ${GROUP}/v1\nkind: ClusterRole\nmetadata: { name: ${name}, labels: { l: ${label} } }\naggregationRule: { clusterRoleSelectors: [{ matchLabels: { l: ${of} } }] }\n`;
    const file = await put(
      "odd.yaml",
      [
        binding("lonely", "nowhere"),
        role("agent", "nodes/metrics"),
        HOLDER,
        collects("a", "x", "y"),
        collects("b", "y", "x"),
        binding("a"),
      ].join("---\n"),
    );
    const { code, report } = await audit([file]);
    expect(code).toBe(1);
    expect(report.problems.map(({ message }) => message)).toEqual([
      expect.stringContaining('ClusterRole "agent" is there twice with different content'),
      expect.stringContaining("ClusterRoleBinding lonely refers to ClusterRole nowhere, which is not there"),
    ]);
  });

  it("may come with audit logs that are cut, packed, or of the wrong level", async () => {
    const review = JSON.stringify({
      stage: "ResponseComplete",
      verb: "create",
      user: { username: "system:node:n" },
      objectRef: { resource: "subjectaccessreviews" },
      requestObject: {
        spec: { user: agent, resourceAttributes: { verb: "get", resource: "nodes", subresource: "stats", name: "n" } },
      },
      responseObject: { status: { allowed: true } },
      requestReceivedTimestamp: "2026-01-01T00:00:00Z",
    });
    const holder = await put("holder.yaml", HOLDER);
    const cut = await put("cut.log", `alf a line"}\n${review}\n${review.slice(0, 90)}`);
    const packed = await put("packed.log.gz", gzipSync(`${review}\n`));
    const { report } = await audit([holder], { auditLog: [cut, packed] });
    expect(report.usage).toMatchObject({ events: 2, lines: [{ user: agent, subresource: "stats", count: 2 }] });
    expect(report.problems).toMatchObject([
      { severity: "warning", message: expect.stringContaining("2 of 3 lines of the audit log are cut, damaged") },
    ]);
    expect(report.subjects[0]?.remediation).toMatchObject({ verdict: "replaceable", basis: "audit-log" });
  });

  it("is asked about one subject, found or not", async () => {
    const files = [await put("all.yaml", `${HOLDER}---\n${READER}`)];
    const one = await audit(files, { subject: agent });
    expect([one.code, one.report.subjects.map(({ name }) => name)]).toEqual([1, [agent]]);
    const none = await audit(files, { subject: "jane" });
    expect([none.code, none.report.subjects]).toMatchObject([0, [{ name: "jane", actions: [], grants: [] }]]);
  });
});

describe("standard input", () => {
  it("is read for -f -, with the report on standard output and complaints on standard error", async () => {
    const args = ["--import", "tsx", "src/bin/orlop.ts", "audit", "kubelet", "-f", "-", "-o", "name"];
    const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "pipe"] });
    let [out, error] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (piece: string) => (out += piece));
    child.stderr.setEncoding("utf8").on("data", (piece: string) => (error += piece));
    child.stdin.end(`${HOLDER}---\nbroken: [\n`);
    const code = await new Promise((done) => child.on("close", done));
    expect({ code, out }).toEqual({ code: 1, out: `${agent}\n` });
    expect(error).toMatch(/^orlop: standard input:\d+: not YAML/);
  }, 30_000);
});
