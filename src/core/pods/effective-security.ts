import type { Container, EphemeralContainer, Pod, SecurityContext } from "../../api/types.ts";
import { failed, ok, type Result } from "../../lib/result.ts";
import { describePod } from "./containers.ts";

const INHERITED = [
  "seLinuxOptions",
  "runAsUser",
  "runAsGroup",
  "runAsNonRoot",
  "seccompProfile",
  "appArmorProfile",
] as const;

/** The container's security context with what it leaves open taken from the pod's. */
export function effectiveSecurity(pod: Pod, container: Container | EphemeralContainer): SecurityContext {
  const fromPod = pod.spec?.securityContext ?? {};
  const inherited = Object.fromEntries(
    INHERITED.filter((field) => fromPod[field] !== undefined).map((field) => [field, fromPod[field]]),
  );
  return { ...inherited, ...container.securityContext };
}

/** Who an image runs as: a number or a name, never both. */
export interface ImageUser {
  readonly uid?: number;
  readonly username: string;
}

const LARGEST_ID = 2_147_483_647;

/** Whether a container that must not run as root is sure not to (runAsNonRoot). */
export function checkRunAsNonRoot(
  pod: Pod,
  container: Container | EphemeralContainer,
  user: ImageUser,
): Result<undefined> {
  const security = effectiveSecurity(pod, container);
  if (security.runAsNonRoot !== true) return ok(undefined);
  const where = `(pod: "${describePod(pod)}", container: ${container.name})`;
  if (security.runAsUser !== undefined) {
    return security.runAsUser === 0 ? failed(`container's runAsUser breaks non-root policy ${where}`) : ok(undefined);
  }
  if (user.uid === undefined) {
    if (user.username === "") return ok(undefined);
    return failed(
      `container has runAsNonRoot and image has non-numeric user (${user.username}), cannot verify user is non-root ${where}`,
    );
  }
  if (user.uid === 0) return failed(`container has runAsNonRoot and image will run as root ${where}`);
  if (user.uid < 0 || user.uid > LARGEST_ID) {
    return failed(
      `container has runAsNonRoot and image has an invalid user id (${user.uid}). (Must be 1-(${LARGEST_ID})): must be between 0 and ${LARGEST_ID}, inclusive ${where}`,
    );
  }
  return ok(undefined);
}
