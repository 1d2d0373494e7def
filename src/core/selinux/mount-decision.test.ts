import { describe, expect, it } from "vitest";
import { parseContextsFile } from "./contexts-file.ts";
import { accessModeLabel, contextMountOption, decideMount, type MountDecisionInput } from "./mount-decision.ts";

const contexts = {
  process: "system_u:system_r:container_t:s0",
  file: "system_u:object_r:container_file_t:s0",
  readOnlyFile: "",
};
const level = { level: "s0:c10,c0" };
const base: MountDecisionInput = {
  contexts,
  gates: { mountReadWriteOncePod: true, mount: false },
  podOptions: level,
  users: [{}],
  driverSupportsContext: true,
  accessModes: ["ReadWriteOncePod"],
};
const label = "system_u:object_r:container_file_t:s0:c0,c10";
const written = "system_u:object_r:container_file_t:s0:c10,c0";
const all = { mountReadWriteOncePod: true, mount: true };

describe("decideMount()", () => {
  it.each<[string, { readonly [K in keyof MountDecisionInput]?: MountDecisionInput[K] | undefined }, unknown]>([
    ["a ReadWriteOncePod volume", {}, { kind: "mount-with-context", label, wanted: label, written }],
    ["a node without SELinux", { contexts: undefined }, { kind: "inactive" }],
    [
      "any mode once SELinuxMount is on",
      { gates: all, accessModes: ["ReadWriteMany", "ReadWriteOnce"] },
      { kind: "mount-with-context", label, wanted: label, written },
    ],
    [
      "another mode before",
      { accessModes: ["ReadWriteOnce"] },
      { kind: "relabel-recursively", because: "access-mode", wanted: label },
    ],
    [
      "ReadWriteOncePod beside another mode",
      { accessModes: ["ReadWriteOncePod", "ReadWriteOnce"] },
      { kind: "relabel-recursively", because: "access-mode", wanted: label },
    ],
    [
      "the first gate off, whatever the second says",
      { gates: { mountReadWriteOncePod: false, mount: true } },
      { kind: "relabel-recursively", because: "access-mode", wanted: label },
    ],
    [
      "an inline volume",
      { accessModes: undefined, gates: all },
      { kind: "relabel-recursively", because: "inline", wanted: label },
    ],
    [
      "the opt-out, also for ReadWriteOncePod",
      { changePolicy: "Recursive" },
      { kind: "relabel-recursively", because: "policy", wanted: "" },
    ],
    [
      "a driver without support",
      { driverSupportsContext: false },
      { kind: "relabel-recursively", because: "driver", wanted: "" },
    ],
    ["no options at all", { podOptions: undefined }, { kind: "relabel-recursively", because: "no-label", wanted: "" }],
    [
      "a type without a level",
      { podOptions: { type: "spc_t" } },
      { kind: "relabel-recursively", because: "no-level", wanted: "" },
    ],
    [
      "one container of two without a level",
      { podOptions: undefined, users: [{ options: level }, {}] },
      { kind: "relabel-recursively", because: "no-label", wanted: "" },
    ],
    [
      "the same level in two spellings",
      { users: [{ options: { level: "s0:c0,c10" } }, {}] },
      { kind: "mount-with-context", label, wanted: label, written: label },
    ],
    [
      "a custom process type",
      { podOptions: { type: "spc_t", ...level } },
      { kind: "mount-with-context", label, wanted: label, written },
    ],
    [
      "a container that replaces the pod's options as a whole",
      { podOptions: { user: "u_u", ...level }, users: [{ options: level }] },
      { kind: "mount-with-context", label, wanted: label, written },
    ],
    [
      "a user of its own",
      { podOptions: { user: "u_u", ...level } },
      {
        kind: "mount-with-context",
        label: "u_u:object_r:container_file_t:s0:c0,c10",
        wanted: "u_u:object_r:container_file_t:s0:c0,c10",
        written: "u_u:object_r:container_file_t:s0:c10,c0",
      },
    ],
    [
      "a context in the volume's mount options",
      { fixedContext: "a:b:c:s0:c2,c1" },
      { kind: "fixed-by-administrator", label: "a:b:c:s0:c1,c2" },
    ],
  ])("%s", (_what, change, decision) => {
    expect(decideMount({ ...base, ...change } as MountDecisionInput)).toEqual(decision);
  });

  const two = { users: [{ options: { level: "s0:c1" } }, { options: { level: "s0:c2" } }] };
  it("names both labels when containers of one pod need different ones, and blocks only where the option is used", () => {
    const labels = ["system_u:object_r:container_file_t:s0:c1", "system_u:object_r:container_file_t:s0:c2"];
    expect(decideMount({ ...base, ...two })).toEqual({ kind: "pod-conflict", labels, blocks: true });
    expect(decideMount({ ...base, ...two, accessModes: ["ReadWriteOnce"] })).toEqual({
      kind: "pod-conflict",
      labels,
      blocks: false,
    });
  });

  it("lets such a pod run where the runtime relabels anyway", () => {
    expect(decideMount({ ...base, ...two, changePolicy: "Recursive" }).kind).toBe("relabel-recursively");
    expect(decideMount({ ...base, ...two, driverSupportsContext: false }).kind).toBe("relabel-recursively");
  });

  it("says when the OS defaults are no labels", () => {
    expect(decideMount({ ...base, contexts: { ...contexts, file: "nonsense" } })).toEqual({
      kind: "bad-defaults",
      text: "nonsense",
      blocks: true,
    });
  });
});

describe("parseContextsFile()", () => {
  it("reads Debian's lxc_contexts", () => {
    expect(
      parseContextsFile(
        '# comment\nprocess = "system_u:system_r:container_t:s0"\n\n; other\nfile = "system_u:object_r:container_file_t:s0"\nro_file="system_u:object_r:container_ro_file_t:s0"\n',
      ),
    ).toEqual({
      process: "system_u:system_r:container_t:s0",
      file: "system_u:object_r:container_file_t:s0",
      readOnlyFile: "system_u:object_r:container_ro_file_t:s0",
    });
    expect(parseContextsFile('process = "x"')).toBeUndefined();
  });
});

describe("accessModeLabel()", () => {
  it("names the widest mode", () => {
    expect(accessModeLabel(["ReadWriteOnce", "ReadWriteMany"])).toBe("RWX");
    expect(accessModeLabel(["ReadWriteOncePod"])).toBe("RWOP");
    expect(accessModeLabel(undefined)).toBe("inline");
    expect(accessModeLabel([])).toBe("");
  });
});

describe("contextMountOption()", () => {
  it("quotes the label", () => {
    expect(contextMountOption(label)).toBe('context="system_u:object_r:container_file_t:s0:c0,c10"');
  });
});
