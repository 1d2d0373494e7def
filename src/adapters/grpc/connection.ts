import { setMaxListeners } from "node:events";
import { Client, credentials, type Deadline, Metadata } from "@grpc/grpc-js";
import { fromGrpcFailure } from "./errors.ts";
import type { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";

interface MessageType<T> {
  encode(message: T): BinaryWriter;
  decode(input: BinaryReader | Uint8Array): T;
}

/** A generated method description. */
export interface Method<Request, Response> {
  readonly name: string;
  readonly requestType: MessageType<Request>;
  readonly responseType: MessageType<Response>;
}

/** Sends one request of a service and waits for its answer; failures are OrlopErrors. */
export interface GrpcConnection {
  /** `deadlineMs` counts from now; undefined waits as long as the signal allows. */
  unary<Request, Response>(
    service: string,
    method: Method<Request, Response>,
    request: Request,
    options: { readonly signal: AbortSignal; readonly deadlineMs: number | undefined },
  ): Promise<Response>;
  /** Ends when the server ends it or the signal is aborted. */
  serverStream<Request, Response>(
    service: string,
    method: Method<Request, Response>,
    request: Request,
    signal: AbortSignal,
  ): AsyncIterable<Response>;
  close(): void;
}

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** Connects on first use and again whenever the connection was lost. `endpoint` is like "unix:///run/containerd/containerd.sock". */
export function createGrpcConnection(endpoint: string): GrpcConnection {
  let client: Client | undefined;
  const connected = (): Client => {
    client ??= new Client(endpoint, credentials.createInsecure(), {
      "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
      "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 3000,
      "grpc.enable_http_proxy": 0,
      "grpc.enable_retries": 0,
      "grpc.use_local_subchannel_pool": 1,
    });
    return client;
  };
  const encode =
    <T>(type: MessageType<T>) =>
    (message: T): Buffer =>
      Buffer.from(type.encode(message).finish());
  const decode =
    <T>(type: MessageType<T>) =>
    (bytes: Buffer): T =>
      type.decode(bytes);
  return {
    unary(service, method, request, { signal, deadlineMs }) {
      signal.throwIfAborted();
      // One pod's signal may follow the status calls of all its containers at once; that is no leak.
      setMaxListeners(0, signal);
      return new Promise((resolve, reject) => {
        const deadline: { deadline?: Deadline } =
          deadlineMs === undefined ? {} : { deadline: new Date(Date.now() + deadlineMs) };
        const call = connected().makeUnaryRequest(
          `/${service}/${method.name}`,
          encode(method.requestType),
          decode(method.responseType),
          request,
          new Metadata(),
          deadline,
          (failure, response) => {
            signal.removeEventListener("abort", cancel);
            if (failure === null && response !== undefined) resolve(response);
            else if (signal.aborted) reject(signal.reason);
            else reject(fromGrpcFailure(failure));
          },
        );
        const cancel = (): void => call.cancel();
        signal.addEventListener("abort", cancel, { once: true });
      });
    },
    async *serverStream(service, method, request, signal) {
      signal.throwIfAborted();
      const call = connected().makeServerStreamRequest(
        `/${service}/${method.name}`,
        encode(method.requestType),
        decode(method.responseType),
        request,
        new Metadata(),
        {},
      );
      const cancel = (): void => call.cancel();
      signal.addEventListener("abort", cancel, { once: true });
      // Once iteration has stopped, the error of our own cancellation has nobody to go to.
      call.on("error", () => undefined);
      try {
        for await (const message of call) yield message;
      } catch (failure) {
        if (signal.aborted) return;
        throw fromGrpcFailure(failure);
      } finally {
        signal.removeEventListener("abort", cancel);
        call.cancel();
      }
    },
    close() {
      client?.close();
      client = undefined;
    },
  };
}
