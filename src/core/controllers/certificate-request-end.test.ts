import { describe, expect, it } from "vitest";
import { certificateRequestEnd } from "./certificate-request-end.ts";

describe("certificateRequestEnd()", () => {
  const end = (condition?: string, certificate?: string): string => {
    const conditions =
      condition === undefined ? [] : [{ type: condition, status: "True", lastUpdateTime: "2026-01-01T12:00:00Z" }];
    const status = { conditions, ...(certificate !== undefined && { certificate }) };
    const metadata = { creationTimestamp: "2026-01-01T00:00:00Z" };
    const spec = { request: "", signerName: "x" };
    return new Date(certificateRequestEnd({ metadata, spec, status })).toISOString();
  };

  it("is an hour after the decision, a day after the request without one", () => {
    expect(end()).toBe("2026-01-02T00:00:00.000Z");
    expect(end("Denied")).toBe("2026-01-01T13:00:00.000Z");
    expect(end("Failed")).toBe("2026-01-01T13:00:00.000Z");
    expect(end("Approved", "AAAA")).toBe("2026-01-01T13:00:00.000Z");
    expect(end("Approved")).toBe("2026-01-02T00:00:00.000Z");
  });
});
