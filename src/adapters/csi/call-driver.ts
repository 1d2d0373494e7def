import { OrlopError } from "../../lib/orlop-error.ts";
import { CsiFailure } from "../../ports/csi.ts";
import type { GrpcConnection, Method } from "../grpc/connection.ts";
import { grpcStatusName } from "../grpc/errors.ts";

/** After these nobody knows whether the driver is still working on the call. */
const UNKNOWN_OUTCOME = ["Canceled", "DeadlineExceeded", "Unavailable", "ResourceExhausted", "Aborted"];

/** One call to a driver. @throws CsiFailure */
export async function callDriver<Request, Response>(
  connection: GrpcConnection,
  service: string,
  method: Method<Request, Response>,
  request: Request,
  { signal, deadlineMs }: { readonly signal: AbortSignal; readonly deadlineMs: number },
): Promise<Response> {
  try {
    return await connection.unary(service, method, request, { signal, deadlineMs });
  } catch (reason) {
    if (signal.aborted) {
      throw new CsiFailure("Cancelled", `${method.name} was broken off`, "unknown", "Canceled", reason);
    }
    if (!(reason instanceof OrlopError)) throw reason;
    const status = grpcStatusName(reason.cause);
    const outcome = UNKNOWN_OUTCOME.includes(status) ? "unknown" : "failed";
    throw new CsiFailure(reason.code, reason.message, outcome, status, reason);
  }
}
