import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { completeKubeletConfiguration } from "../api/kubelet-configuration.ts";
import { addKubeletFieldFlags, kubeletFieldDocument } from "./kubelet-flags.ts";

function documentOf(...args: readonly string[]) {
  const command = addKubeletFieldFlags(new Command().exitOverride());
  command.parse(args, { from: "user" });
  return kubeletFieldDocument(command.opts());
}

describe("kubeletFieldDocument()", () => {
  it("says nothing of flags that were not given", () => {
    expect(documentOf()).toEqual({});
  });

  it("puts what was given where it belongs", () => {
    expect(
      documentOf(
        ...["--port", "1234", "--anonymous-auth", "--authentication-token-webhook=false", "--fail-swap-on=0"],
        ...[
          "--authentication-token-webhook-cache-ttl",
          "1m",
          "--tls-cipher-suites",
          "A,B",
          "--cluster-dns",
          "10.0.0.1",
        ],
        ...["--rotate-server-certificates", "--audit-log-maxsize", "7", "--tls-min-version", "VersionTLS13"],
      ),
    ).toEqual({
      port: 1_234,
      authentication: { anonymous: { enabled: true }, webhook: { enabled: false, cacheTTL: "1m" } },
      tlsCipherSuites: ["A", "B"],
      clusterDNS: ["10.0.0.1"],
      serverTLSBootstrap: true,
      failSwapOn: false,
      auditLog: { maxSizeMegabytes: 7 },
      tlsMinVersion: "VersionTLS13",
    });
  });

  it("has a field for every flag, of the type the flag gives", () => {
    const values: Readonly<Record<string, string>> = {
      "--address": "::1",
      "--healthz-bind-address": "::1",
      "--authorization-mode": "AlwaysAllow",
      "--cgroup-driver": "systemd",
      "--tls-min-version": "VersionTLS12",
      "--tls-cert-file": "/c",
      "--tls-private-key-file": "/k",
    };
    const command = addKubeletFieldFlags(new Command());
    const args = command.options.flatMap(({ flags, long }) => {
      const name = long ?? "";
      if (flags.includes("[")) return [`${name}=true`];
      const plain = /<(port|count|megabytes)>/.test(flags) ? "5" : /<duration>/.test(flags) ? "5s" : "/x";
      return [name, values[name] ?? plain];
    });
    expect(() => completeKubeletConfiguration(documentOf(...args), "flags")).not.toThrow();
  });
});
