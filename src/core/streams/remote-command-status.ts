import { failed, ok, type Result } from "../../lib/result.ts";
import type { Status } from "../../api/types.ts";

/** How a command ended, as the error stream of protocol v4 tells. */
export type CommandOutcome =
  | { readonly kind: "success" }
  | { readonly kind: "exit-code"; readonly code: number }
  | { readonly kind: "failure"; readonly message: string };

const NON_ZERO = "NonZeroExitCode";
const EXIT_CODE = "ExitCode";

function protocolError(why: string): CommandOutcome {
  return { kind: "failure", message: `error stream protocol error: ${why}` };
}

function parseStatus(text: string): Result<Status> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? ok(value) : failed("not an object");
  } catch (cause) {
    return failed(cause instanceof Error ? cause.message : String(cause));
  }
}

/** Reads what came over the error stream of v4. An empty stream means success. */
export function decodeOutcome(text: string): CommandOutcome {
  if (text === "") return { kind: "success" };
  const parsed = parseStatus(text);
  if (!parsed.ok) return protocolError(`${parsed.reason} in ${JSON.stringify(text)}`);
  const { status, reason, details, message } = parsed.value;
  if (status === "Success") return { kind: "success" };
  if (status !== "Failure") return protocolError(`unknown status ${JSON.stringify(status ?? "")}`);
  if (reason !== NON_ZERO) return { kind: "failure", message: message ?? "" };
  if (details === undefined) return protocolError("details must be set");
  const cause = details.causes?.find((entry) => entry.reason === EXIT_CODE);
  if (cause === undefined) return protocolError(`no ${EXIT_CODE} cause`);
  const code = Number(cause.message);
  if (!/^\d+$/.test(cause.message ?? "") || code > 255) {
    return protocolError(`invalid exit code value ${JSON.stringify(cause.message ?? "")}`);
  }
  return code === 0 ? { kind: "success" } : { kind: "exit-code", code };
}

/** The one JSON message of the error channel of v4 and v5. */
export function encodeOutcome(outcome: CommandOutcome): string {
  switch (outcome.kind) {
    case "success":
      return JSON.stringify({ metadata: {}, status: "Success" });
    case "exit-code":
      return JSON.stringify({
        metadata: {},
        status: "Failure",
        message: `command terminated with non-zero exit code: command terminated with exit code ${outcome.code}`,
        reason: NON_ZERO,
        details: { causes: [{ reason: EXIT_CODE, message: String(outcome.code) }] },
      });
    case "failure":
      return JSON.stringify({
        metadata: {},
        status: "Failure",
        message: `Internal error occurred: ${outcome.message}`,
        reason: "InternalError",
        details: { causes: [{ message: outcome.message }] },
        code: 500,
      });
  }
}
