import { createServer } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { detectRuntime, judgeRuntime, type RuntimeFacts } from "./detect-runtime.ts";
import { probeCri } from "./probe-cri.ts";
import { meetsMinimum, versionIn } from "./runtime-versions.ts";

const good: Extract<RuntimeFacts, { state: "answering" }> = {
  endpoint: "unix:///run/containerd/containerd.sock",
  state: "answering",
  name: "containerd",
  version: "2.1.9+unknown",
  apiVersion: "v1",
  networkReady: true,
  userNamespaces: true,
};

describe("judgeRuntime()", () => {
  it("takes a runtime that can do all that is needed", () => {
    expect(judgeRuntime(good)).toMatchObject({ suitable: true, name: "containerd", version: "2.1.9+unknown" });
    expect(judgeRuntime({ ...good, name: "cri-o", version: "1.30.0" })).toMatchObject({ suitable: true });
  });

  it.each<[Partial<typeof good>, string]>([
    [{ version: "1.7.24~ds1" }, "is too old: user namespaces need containerd 2.0 or newer"],
    [{ name: "cri-o", version: "1.29.4" }, "is too old: user namespaces need cri-o 1.30 or newer"],
    [{ userNamespaces: false }, "can not give pods user namespaces: it needs runc 1.2 or newer"],
    [{ networkReady: false }, "has no pod network"],
    [{ apiVersion: "v1alpha2" }, "speaks CRI v1alpha2, v1 is needed"],
  ])("says why %j is not good enough", (change, because) => {
    const verdict = judgeRuntime({ ...good, ...change });
    expect(verdict.suitable ? "" : verdict.because).toContain(because);
  });

  it("names a socket that is missing or does not speak CRI", () => {
    const { endpoint } = good;
    expect(judgeRuntime({ endpoint, state: "absent" })).toMatchObject({ because: `there is no socket ${endpoint}` });
    const silent = judgeRuntime({ endpoint, state: "silent", error: "unknown service" });
    expect(silent).toMatchObject({ because: `${endpoint} does not answer CRI v1 calls: unknown service` });
  });
});

describe("detectRuntime()", () => {
  it("is quiet about usual places where nothing is, not about a place that was asked for", async () => {
    const connect = () => {
      throw new Error("must not connect");
    };
    const { signal } = new AbortController();
    const endpoints = ["unix:///nonexistent/orlop.sock"];
    expect((await detectRuntime({ connect }, { endpoints, signal })).refused).toHaveLength(1);
  });
});

describe("probeCri()", () => {
  it("calls a socket silent when there is none, or when it speaks something else", async () => {
    const folder = mkdtempSync(join(tmpdir(), "orlop-probe-"));
    const socket = join(folder, "s");
    expect(await probeCri(socket)).toBe("silent");
    const server = createServer((connection) => connection.resume().end("hello\n"));
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    try {
      expect(await probeCri(socket)).toBe("silent");
    } finally {
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    }
  });
});

describe("versions", () => {
  it("are found in what programs print and compared by number", () => {
    expect(versionIn("containerd github.com/containerd/containerd/v2 2.1.9+unknown ")).toBe("2.1.9");
    expect(versionIn("runc version 1.3.6+ds1\ncommit: x")).toBe("1.3.6");
    expect(versionIn("no version here")).toBe("0");
    expect(meetsMinimum("1.10", "1.2")).toBe(true);
    expect(meetsMinimum("1.2", "1.2.0")).toBe(true);
    expect(meetsMinimum("1.1.15", "1.2")).toBe(false);
  });
});
