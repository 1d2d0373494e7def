import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { IdentityDefinition, NodeDefinition, NodeServiceCapability_RPC_Type } from "../csi/generated/csi.ts";
import { createGrpcConnection, type GrpcConnection } from "./connection.ts";
import { createGrpcServer, type GrpcServer, GrpcStatusError } from "./server.ts";

const never = new AbortController().signal;

describe("createGrpcServer()", () => {
  let folder: string;
  let server: GrpcServer;
  let connection: GrpcConnection;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "orlop-grpc-"));
    server = createGrpcServer();
    connection = createGrpcConnection(`unix://${folder}/csi.sock`);
  });

  afterEach(async () => {
    connection.close();
    server.close();
    await rm(folder, { recursive: true });
  });

  const nodeCall = <Request, Response>(
    method: Parameters<typeof connection.unary<Request, Response>>[1],
    request: Request,
    options: { readonly signal?: AbortSignal; readonly deadlineMs?: number } = {},
  ): Promise<Response> =>
    connection.unary(NodeDefinition.fullName, method, request, { signal: never, deadlineMs: 10_000, ...options });

  it("answers with what the handler returns, maps and enums included", async () => {
    server.add(NodeDefinition, {
      nodeGetCapabilities: async () => ({
        capabilities: [{ rpc: { type: NodeServiceCapability_RPC_Type.STAGE_UNSTAGE_VOLUME } }],
      }),
      nodeGetInfo: async () => ({
        nodeId: "n1",
        maxVolumesPerNode: 7n,
        accessibleTopology: { segments: { zone: "a" } },
      }),
    });
    await server.listen(join(folder, "csi.sock"));
    expect(await nodeCall(NodeDefinition.methods.nodeGetCapabilities, {})).toEqual({
      capabilities: [{ rpc: { type: 1 } }],
    });
    expect(await nodeCall(NodeDefinition.methods.nodeGetInfo, {})).toEqual({
      nodeId: "n1",
      maxVolumesPerNode: 7n,
      accessibleTopology: { segments: { zone: "a" } },
    });
  });

  it("answers with the status a handler throws, and INTERNAL for any other error", async () => {
    server.add(NodeDefinition, {
      nodeGetInfo: async () => {
        throw new GrpcStatusError(status.NOT_FOUND, "no such node");
      },
      nodeGetCapabilities: async () => {
        throw new Error("broken");
      },
    });
    await server.listen(join(folder, "csi.sock"));
    await expect(nodeCall(NodeDefinition.methods.nodeGetInfo, {})).rejects.toMatchObject({
      code: "NotFound",
      message: "rpc error: code = NotFound desc = no such node",
    });
    await expect(nodeCall(NodeDefinition.methods.nodeGetCapabilities, {})).rejects.toThrow("desc = broken");
  });

  it("answers UNIMPLEMENTED where there is no handler", async () => {
    server.add(IdentityDefinition, { probe: async () => ({ ready: { value: true } }) });
    await server.listen(join(folder, "csi.sock"));
    await expect(nodeCall(NodeDefinition.methods.nodeGetInfo, {})).rejects.toMatchObject({ code: "Unsupported" });
  });

  it("tells the handler when the caller gives up", async () => {
    let gaveUp: (() => void) | undefined;
    const seen = new Promise<void>((resolve) => {
      gaveUp = resolve;
    });
    server.add(NodeDefinition, {
      nodeGetInfo: (_request, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            gaveUp?.();
            reject(new Error("gone"));
          });
        }),
    });
    await server.listen(join(folder, "csi.sock"));
    await expect(nodeCall(NodeDefinition.methods.nodeGetInfo, {}, { deadlineMs: 200 })).rejects.toMatchObject({
      code: "Timeout",
    });
    await seen;
  });
});
