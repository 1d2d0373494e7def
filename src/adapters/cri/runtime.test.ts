import { Server, ServerCredentials } from "@grpc/grpc-js";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runtimeConformance } from "../../ports/container-runtime.conformance.ts";
import { RuntimeServiceDefinition, type VersionRequest, type VersionResponse } from "./generated/cri.ts";
import { createCriRuntime } from "./runtime.ts";

/** A runtime's socket, e.g. unix:///run/containerd/containerd.sock; the image must be there. */
const endpoint = process.env["ORLOP_TEST_CRI_ENDPOINT"] ?? "";
const image = process.env["ORLOP_TEST_CRI_IMAGE"] ?? "busybox:1.36";

if (endpoint === "") {
  describe("CRI runtime", () => {
    it.skip("conformance (set ORLOP_TEST_CRI_ENDPOINT to the socket of a container runtime)", () => undefined);
  });
} else {
  const runtime = createCriRuntime({ endpoint });
  runtimeConformance("CRI", {
    create: async () => runtime,
    image,
    logRoot: mkdtempSync(join(tmpdir(), "orlop-cri-")),
  });
}

/** A server of one method: answers Version, or never. */
async function versionServer(address: string, answers: boolean): Promise<Server> {
  const server = new Server();
  const { requestType, responseType } = RuntimeServiceDefinition.methods.version;
  server.addService(
    {
      version: {
        path: "/runtime.v1.RuntimeService/Version",
        requestStream: false,
        responseStream: false,
        requestSerialize: (message: VersionRequest) => Buffer.from(requestType.encode(message).finish()),
        requestDeserialize: (bytes: Buffer) => requestType.decode(bytes),
        responseSerialize: (message: VersionResponse) => Buffer.from(responseType.encode(message).finish()),
        responseDeserialize: (bytes: Buffer) => responseType.decode(bytes),
      },
    },
    {
      version: (_call: unknown, reply: (error: null, answer: VersionResponse) => void) => {
        const answer = { version: "v1", runtimeName: "toy", runtimeVersion: "1", runtimeApiVersion: "v1" };
        if (answers) reply(null, answer);
      },
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
  return server;
}

describe("createCriRuntime()", () => {
  const address = (): string => `unix://${join(mkdtempSync(join(tmpdir(), "orlop-cri-")), "runtime.sock")}`;

  it("fails with Unavailable at once while nobody listens, and works as soon as somebody does", async ({ signal }) => {
    const endpoint = address();
    const runtime = createCriRuntime({ endpoint });
    await expect(runtime.observer.version(signal)).rejects.toMatchObject({ code: "Unavailable", retry: "backoff" });
    for (let life = 0; life < 2; life++) {
      const server = await versionServer(endpoint, true);
      let name = "";
      while (name === "") {
        name = await runtime.observer.version(signal).then(
          (info) => info.name,
          () => "",
        );
      }
      expect(name).toBe("toy");
      server.forceShutdown();
    }
    runtime.close();
  });

  it("gives up when the deadline is over or the signal aborts", async ({ signal }) => {
    const endpoint = address();
    const server = await versionServer(endpoint, false);
    const runtime = createCriRuntime({ endpoint, requestTimeoutMs: 50 });
    await expect(runtime.observer.version(signal)).rejects.toMatchObject({ code: "Timeout" });
    const patient = createCriRuntime({ endpoint });
    const stop = new AbortController();
    const asking = patient.observer.version(stop.signal);
    stop.abort(new Error("enough"));
    await expect(asking).rejects.toThrow("enough");
    runtime.close();
    patient.close();
    server.forceShutdown();
  });

  it("says Unsupported for what the runtime does not know", async ({ signal }) => {
    const endpoint = address();
    const server = await versionServer(endpoint, true);
    const runtime = createCriRuntime({ endpoint });
    await expect(runtime.observer.status(signal)).rejects.toMatchObject({ code: "Unsupported" });
    await expect(runtime.observer.events(signal)[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "Unsupported",
    });
    expect(await runtime.observer.cgroupDriver(signal)).toBeUndefined();
    runtime.close();
    server.forceShutdown();
  });
});
