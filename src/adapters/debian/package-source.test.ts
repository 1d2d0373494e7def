import { describe, expect, it } from "vitest";
import { packageName, packageVersion, plannedFiles } from "./package-source.ts";

describe("plannedFiles()", () => {
  it("takes the file names out of apt's plan and nothing else", () => {
    const output = [
      "Reading package lists...",
      "'http://deb.example/pool/main/r/runc/runc_1.3.6_amd64.deb' runc_1.3.6%2bds1-1_amd64.deb 6707208 SHA256:00",
      "'http://deb.example/pool/main/l/libmd0_1.deb' libmd0_1.3.0-1_amd64.deb 45056 SHA256:11",
      "",
    ].join("\n");
    expect(plannedFiles(output)).toEqual(["runc_1.3.6%2bds1-1_amd64.deb", "libmd0_1.3.0-1_amd64.deb"]);
  });
});

describe("packageVersion()", () => {
  it("leaves the epoch out", () => {
    expect(packageVersion("busybox-static_1%3a1.38.0-3+b1_amd64.deb")).toBe("1.38.0-3+b1");
    expect(packageVersion("runc_1.3.6+ds1-1_amd64.deb")).toBe("1.3.6+ds1-1");
  });
});

describe("packageName()", () => {
  it("is what comes before the version", () => {
    expect(packageName("/cache/libstdc++6_16.2.0-3_amd64.deb")).toBe("libstdc++6");
  });
});
