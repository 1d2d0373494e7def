import { gunzipSync } from "node:zlib";
import { Counter, Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { plainRequest } from "../../../testing/plain-request.ts";
import { createRegistryHandler } from "./metrics.ts";

const registry = new Registry();
new Counter({ name: "things_total", help: "things", registers: [registry] }).inc(3);
const handler = createRegistryHandler(registry);

async function scrape(accepted?: string) {
  const response = await handler(
    plainRequest("/metrics", accepted === undefined ? {} : { "accept-encoding": accepted }),
    {},
  );
  if (!("body" in response)) throw new Error("no answer");
  const chunks: Uint8Array[] = [];
  const { body = "" } = response;
  if (typeof body === "function") {
    await body({ write: async (chunk) => void chunks.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk) });
  } else chunks.push(Buffer.from(body));
  return { headers: response.headers, bytes: Buffer.concat(chunks) };
}

describe("createRegistryHandler()", () => {
  it("answers in Prometheus' text format", async () => {
    const { headers, bytes } = await scrape();
    expect(headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
    expect(bytes.toString()).toContain("things_total 3");
  });

  it.each(["gzip", "deflate, gzip;q=0.5"])("compresses for Accept-Encoding: %s", async (accepted) => {
    const { headers, bytes } = await scrape(accepted);
    expect(headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(bytes).toString()).toContain("things_total 3");
  });

  it.each(["identity", "gzipped", "br"])("does not compress for Accept-Encoding: %s", async (accepted) => {
    expect((await scrape(accepted)).headers["content-encoding"]).toBeUndefined();
  });
});
