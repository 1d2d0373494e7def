import { Client, credentials, Metadata, status } from "@grpc/grpc-js";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { formatGoDuration } from "../../lib/go-duration.ts";
import type { ProbeAnswer } from "../../ports/network-prober.ts";

const CHECK = "/grpc.health.v1.Health/Check";
/** ServingStatus of the health protocol. */
const STATUS_NAMES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const SERVING = 1;

export async function grpcProbe(
  target: { readonly host: string; readonly port: number; readonly service: string },
  userAgent: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  signal.throwIfAborted();
  const address = target.host.includes(":") ? `[${target.host}]:${target.port}` : `${target.host}:${target.port}`;
  const client = new Client(address, credentials.createInsecure(), {
    "grpc.primary_user_agent": userAgent,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_http_proxy": 0,
    "grpc.enable_retries": 0,
  });
  const within = formatGoDuration(timeoutMs);
  try {
    const deadline = new Date(Date.now() + timeoutMs);
    const unreachable = await connected(client, deadline);
    signal.throwIfAborted();
    if (unreachable) {
      return failure(`timeout: failed to connect service "${address}" within ${within}: context deadline exceeded`);
    }
    return await check(client, target.service, deadline, within, signal);
  } finally {
    client.close();
  }
}

function failure(output: string): ProbeAnswer {
  return { result: "failure", output };
}

/** @returns whether there was no connection in time */
function connected(client: Client, deadline: Date): Promise<boolean> {
  return new Promise((resolve) => client.waitForReady(deadline, (error) => resolve(error !== undefined)));
}

function check(
  client: Client,
  service: string,
  deadline: Date,
  within: string,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  return new Promise((resolve, reject) => {
    const call = client.makeUnaryRequest<string, number>(
      CHECK,
      encodeRequest,
      decodeStatus,
      service,
      new Metadata(),
      { deadline },
      (error, served) => {
        signal.removeEventListener("abort", cancel);
        if (signal.aborted) {
          reject(signal.reason);
        } else if (error?.code === status.UNIMPLEMENTED) {
          const text = "this server does not implement the grpc health protocol (grpc.health.v1.Health)";
          resolve(failure(`error: ${text}: ${error.details}`));
        } else if (error?.code === status.DEADLINE_EXCEEDED) {
          resolve(failure(`timeout: health rpc did not complete within ${within}`));
        } else if (error !== null) {
          resolve(failure(`error: health rpc probe failed: rpc error: code = ${error.code} desc = ${error.details}`));
        } else if (served !== SERVING) {
          resolve(failure(`service unhealthy (responded with "${STATUS_NAMES[served ?? 0] ?? String(served)}")`));
        } else {
          resolve({ result: "success", output: "service healthy" });
        }
      },
    );
    const cancel = (): void => call.cancel();
    signal.addEventListener("abort", cancel, { once: true });
  });
}

function encodeRequest(service: string): Buffer {
  const writer = new BinaryWriter();
  if (service !== "") writer.uint32(10).string(service);
  return Buffer.from(writer.finish());
}

function decodeStatus(bytes: Buffer): number {
  const reader = new BinaryReader(bytes);
  let found = 0;
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === 8) found = reader.int32();
    else reader.skip(tag & 7);
  }
  return found;
}
