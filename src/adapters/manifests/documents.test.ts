import { describe, expect, it } from "vitest";
import { documentsOf } from "./documents.ts";

const read = (text: string): readonly unknown[] => [...documentsOf(text, "f.yaml")];

describe("documentsOf()", () => {
  it("knows the line of each document and of each rule", () => {
    const text =
      "# made by helm\n---\nkind: ClusterRole\nrules:\n- verbs: [get]\n- verbs:\n  - list\n--- # next\nkind: B\n";
    expect(read(text)).toMatchObject([
      { value: { kind: "ClusterRole" }, line: 3, ruleLines: [5, 6] },
      { value: { kind: "B" }, line: 9 },
    ]);
  });

  it("names a broken document and reads those around it", () => {
    const found = read("kind: A\n---\nkind: B\nbad: a: b\n---\nkind: C\n");
    expect(found).toMatchObject([
      { value: { kind: "A" } },
      { severity: "error", file: "f.yaml", line: 4 },
      { value: { kind: "C" }, line: 6 },
    ]);
  });

  it("reads quoted texts that go on without indentation, as kubectl does, and keeps the lines after them", () => {
    const text = "kind: A\nargs:\n- '\n  x''y;\n'\n- \"a\\\"c\nb\"\nrules:\n- verbs: [get]\n";
    expect(read(text)).toMatchObject([
      { value: { args: [" x'y; ", 'a"c b'], rules: [{ verbs: ["get"] }] }, line: 1, ruleLines: [9] },
    ]);
    expect(read("kind: A\nargs:\n- 'never closed\nb: c\n")).toMatchObject([{ severity: "error" }]);
  });

  it("reads JSON documents one after the other, and names the line of one that is broken", () => {
    const [a, b] = [
      { kind: "A", text: '}{"' },
      { kind: "BList", items: [{ name: "b" }] },
    ];
    const text = `${JSON.stringify(a)}\n\n${JSON.stringify(b, undefined, "\t")}${JSON.stringify(a)}\n`;
    expect(read(text)).toEqual([
      { value: a, file: "f.yaml", line: 1 },
      { value: { kind: "B", name: "b" }, file: "f.yaml", line: 3 },
      { value: a, file: "f.yaml", line: 10 },
    ]);
    expect(read('{"kind": "A"}\n{"kind": [}\n')).toMatchObject([{ line: 1 }, { severity: "error", line: 2 }]);
    expect(read("{kind: A, text: '}'}\n")).toMatchObject([{ value: { kind: "A", text: "}" } }]);
  });

  it("reads documents with the line ends of Windows", () => {
    expect(read("kind: A\r\nlist: [1]\r\n---\r\nkind: B\r\n")).toMatchObject([
      { value: { kind: "A", list: [1] }, line: 1 },
      { value: { kind: "B" }, line: 4 },
    ]);
  });

  it("says when a template was not rendered", () => {
    expect(read("{{- if .Values.x }}\nkind: A\n{{- end }}\n")).toMatchObject([
      { message: expect.stringContaining("use helm template") },
    ]);
  });

  it("unpacks lists, with kinds an API server leaves out", () => {
    const list = { apiVersion: "v1", kind: "NodeList", items: [{ metadata: { name: "a" } }] };
    expect(read(JSON.stringify(list))).toMatchObject([
      { value: { kind: "Node", apiVersion: "v1", metadata: { name: "a" } } },
    ]);
    expect(read("kind: List\nitems:\n- kind: A\n  rules:\n  - verbs: []\n")).toMatchObject([
      { value: { kind: "A" }, line: 3, ruleLines: [5] },
    ]);
  });

  it("takes the last of two equal keys, as kubectl does, and stops at alias bombs", () => {
    expect(read("kind: A\nkind: B\n")).toMatchObject([{ value: { kind: "B" } }]);
    const bomb = [
      "a0: &a0 [x,x,x,x,x,x,x,x,x]",
      ...Array.from({ length: 8 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`),
    ];
    expect(read(bomb.join("\n"))).toMatchObject([{ severity: "error" }]);
  });
});
