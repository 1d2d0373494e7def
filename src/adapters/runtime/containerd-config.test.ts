import { describe, expect, it } from "vitest";
import { containerdConfig, registryHosts } from "./containerd-config.ts";
import { runtimeLayout } from "./runtime-layout.ts";

const settings = {
  root: '/data "quoted"/containerd',
  state: "/run/orlop/1/state",
  socket: "/run/orlop/1/containerd.sock",
  runc: "/data/runc",
  plugins: "/data/cni",
  networkConfig: "/data/net.d",
  registryConfig: "/data/certs.d",
  sandboxImage: "registry.k8s.io/pause:3.10",
  snapshotter: "overlayfs" as const,
  mayLowerOomScore: false,
  seLinux: false,
};

describe("containerdConfig()", () => {
  it("asks for restricted OOM scores exactly when they may not be lowered", () => {
    expect(containerdConfig(settings)).toContain("restrict_oom_score_adj = true");
    expect(containerdConfig({ ...settings, mayLowerOomScore: true })).toContain("restrict_oom_score_adj = false");
  });

  it("quotes paths", () => {
    expect(containerdConfig(settings)).toContain('root = "/data \\"quoted\\"/containerd"');
  });

  it("names no place another containerd uses", () => {
    expect(containerdConfig(settings)).not.toMatch(/\/(var\/lib|run)\/containerd|\/etc\/cni|\/opt\//);
  });
});

describe("registryHosts()", () => {
  it("is empty without a local registry, so that only the real ones are asked", () => {
    expect(registryHosts(undefined)).toBe("");
    expect(registryHosts("http://127.0.0.1:4")).toContain('[host."http://127.0.0.1:4"]');
  });
});

describe("runtimeLayout()", () => {
  it("shares nothing between data directories, and fits the kernel's limits on names", () => {
    const [one, other] = [runtimeLayout("/var/lib/orlop"), runtimeLayout(`/tmp/${"long/".repeat(60)}`)];
    expect(one.bridge).not.toBe(other.bridge);
    expect(one.state).not.toBe(other.state);
    expect(other.bridge.length).toBeLessThanOrEqual(15);
    expect(other.socket.length).toBeLessThan(108);
    expect(runtimeLayout("/var/lib/orlop/")).toEqual(one);
  });
});
