import { OrlopError, type ErrorCode } from "../../lib/orlop-error.ts";

const FROM_ERRNO: Readonly<Record<string, ErrorCode>> = {
  ENOENT: "NotFound",
  ENOTDIR: "NotFound",
  EEXIST: "AlreadyExists",
  ENOTEMPTY: "Conflict",
  EBUSY: "Conflict",
  EACCES: "Forbidden",
  EPERM: "Forbidden",
  EROFS: "Forbidden",
  ELOOP: "Invalid",
  EINVAL: "Invalid",
  EISDIR: "Invalid",
  ENOSPC: "ResourceExhausted",
  EDQUOT: "ResourceExhausted",
  EMFILE: "ResourceExhausted",
  ENFILE: "ResourceExhausted",
};

export function errnoOf(reason: unknown): string {
  return typeof reason === "object" && reason !== null && "code" in reason && typeof reason.code === "string"
    ? reason.code
    : "";
}

/** The only place that knows errno names of file operations. */
export function fileFailure(reason: unknown, doing: string): OrlopError {
  if (reason instanceof OrlopError) return reason;
  const code = FROM_ERRNO[errnoOf(reason)] ?? "Internal";
  const text = reason instanceof Error ? reason.message : String(reason);
  return new OrlopError(code, `cannot ${doing}: ${text}`, { cause: reason });
}
