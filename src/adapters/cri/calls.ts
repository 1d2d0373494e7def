import { OrlopError } from "../../lib/orlop-error.ts";
import type { GrpcConnection, Method } from "../grpc/connection.ts";
import { ImageServiceDefinition, RuntimeServiceDefinition } from "./generated/cri.ts";

/** Unary calls to the two services of one runtime, each with a deadline. */
export interface CriCalls {
  /** The usual deadline. */
  readonly timeoutMs: number;
  runtime<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    signal: AbortSignal,
    deadlineMs?: number,
  ): Promise<Response>;
  /** `deadlineMs` undefined: as long as the signal allows. */
  runtimeUntil<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    signal: AbortSignal,
    deadlineMs: number | undefined,
  ): Promise<Response>;
  image<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    signal: AbortSignal,
    deadline?: "none",
  ): Promise<Response>;
  /** Resolves as well when the call fails because the object does not exist. */
  absentIsFine(call: Promise<unknown>): Promise<void>;
}

export function createCriCalls(connection: GrpcConnection, timeoutMs: number): CriCalls {
  return {
    timeoutMs,
    runtime: (method, request, signal, deadlineMs = timeoutMs) =>
      connection.unary(RuntimeServiceDefinition.fullName, method, request, { signal, deadlineMs }),
    runtimeUntil: (method, request, signal, deadlineMs) =>
      connection.unary(RuntimeServiceDefinition.fullName, method, request, { signal, deadlineMs }),
    image: (method, request, signal, deadline) =>
      connection.unary(ImageServiceDefinition.fullName, method, request, {
        signal,
        deadlineMs: deadline === "none" ? undefined : timeoutMs,
      }),
    async absentIsFine(call) {
      try {
        await call;
      } catch (failure) {
        if (!(failure instanceof OrlopError && failure.code === "NotFound")) throw failure;
      }
    },
  };
}
