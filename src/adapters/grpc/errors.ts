import { type ErrorCode, OrlopError } from "../../lib/orlop-error.ts";

interface GrpcCode {
  readonly name: string;
  readonly code: ErrorCode;
}

/** By gRPC status number; names as Go's gRPC library prints them, because people search for those texts. */
const GRPC_CODES: readonly GrpcCode[] = [
  { name: "OK", code: "Internal" },
  { name: "Canceled", code: "Cancelled" },
  { name: "Unknown", code: "Internal" },
  { name: "InvalidArgument", code: "Invalid" },
  { name: "DeadlineExceeded", code: "Timeout" },
  { name: "NotFound", code: "NotFound" },
  { name: "AlreadyExists", code: "AlreadyExists" },
  { name: "PermissionDenied", code: "Forbidden" },
  { name: "ResourceExhausted", code: "ResourceExhausted" },
  { name: "FailedPrecondition", code: "Conflict" },
  { name: "Aborted", code: "Conflict" },
  { name: "OutOfRange", code: "Invalid" },
  { name: "Unimplemented", code: "Unsupported" },
  { name: "Internal", code: "Internal" },
  { name: "Unavailable", code: "Unavailable" },
  { name: "DataLoss", code: "Internal" },
  { name: "Unauthenticated", code: "Unauthenticated" },
];

const UNKNOWN: GrpcCode = { name: "Unknown", code: "Internal" };

/** The only place that knows gRPC status numbers. Messages read as Kubernetes shows them in events. */
export function fromGrpcFailure(reason: unknown): OrlopError {
  if (reason instanceof OrlopError) return reason;
  const { name, code } = GRPC_CODES[numberField(reason, "code")] ?? UNKNOWN;
  const details = textField(reason, "details") ?? textField(reason, "message") ?? String(reason);
  return new OrlopError(code, `rpc error: code = ${name} desc = ${details}`, { cause: reason });
}

/** The status of a failed call, as Go's gRPC library prints it; "Unknown" for what is no gRPC failure. */
export function grpcStatusName(failure: unknown): string {
  return (GRPC_CODES[numberField(failure, "code")] ?? UNKNOWN).name;
}

function numberField(value: unknown, field: string): number {
  const found = fieldOf(value, field);
  return typeof found === "number" ? found : -1;
}

function textField(value: unknown, field: string): string | undefined {
  const found = fieldOf(value, field);
  return typeof found === "string" && found !== "" ? found : undefined;
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, field) : undefined;
}
