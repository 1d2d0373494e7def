import type { ContainerStatus } from "../../api/types.ts";
import { failed, ok, type Result } from "../../lib/result.ts";
import type { PodContainer } from "../pod-directory.ts";
import type { ReadLogSource } from "./read-log.ts";

export interface LogSourceInput {
  readonly pod: string;
  readonly container: string;
  readonly previous: boolean;
  /** The container now; asked again and again while a log is followed. */
  readonly look: () => PodContainer | undefined;
}

/** Which file to read, or why there is none, in upstream's words. */
export function decideLogSource(input: LogSourceInput): Result<ReadLogSource> {
  const known = input.look();
  const where = `container "${input.container}" in pod "${input.pod}"`;
  if (known === undefined) return failed(`${where} is not available`);
  if (input.previous) {
    if (known.previous === undefined || known.previous.logPath === "")
      return failed(`previous terminated ${where} not found`);
    return ok({ path: known.previous.logPath, live: () => false });
  }
  if (known.id === "" || known.logPath === "") {
    // The next attempt did not start: what the one before wrote is what people want to see.
    if (known.previous !== undefined && known.previous.logPath !== "") {
      return ok({ path: known.previous.logPath, live: () => false });
    }
    return failed(waitingText(where, known.status));
  }
  const { id } = known;
  return ok({
    path: known.logPath,
    live: () => {
      const now = input.look();
      return now !== undefined && now.id === id && now.running;
    },
  });
}

function waitingText(where: string, status: ContainerStatus | undefined): string {
  if (status === undefined) return `${where} is not available`;
  const reason = status.state?.waiting?.reason;
  if (reason === "ErrImagePull") return `${where} is waiting to start: image can't be pulled`;
  if (reason === "ImagePullBackOff") return `${where} is waiting to start: trying and failing to pull image`;
  if (reason !== undefined) return `${where} is waiting to start: ${reason}`;
  if (status.state?.terminated !== undefined) return `${where} is terminated`;
  return `${where} is waiting to start - no logs yet`;
}
