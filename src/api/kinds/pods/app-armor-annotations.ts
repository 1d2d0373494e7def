import { deepEqual } from "../../schema/normalize.ts";
import type { Container, PodSpec } from "../../types.ts";
import { changeEach } from "../fill.ts";
import { validateAppArmorProfile } from "./validate-security-context.ts";

type Annotations = Readonly<Record<string, string>>;
type Profile = NonNullable<NonNullable<Container["securityContext"]>["appArmorProfile"]>;

/** Followed by a container's name. */
export const APP_ARMOR_PREFIX = "container.apparmor.security.beta.kubernetes.io/";
const LOCALHOST = "localhost/";

/** The field that says what an annotation of old says; undefined when it says nothing valid. */
export function appArmorField(annotation: string): Profile | undefined {
  if (annotation === "unconfined") return { type: "Unconfined" };
  if (annotation === "runtime/default") return { type: "RuntimeDefault" };
  if (!annotation.startsWith(LOCALHOST)) return undefined;
  const profile: Profile = { type: "Localhost", localhostProfile: annotation.slice(LOCALHOST.length) };
  return validateAppArmorProfile(profile, "").length === 0 ? profile : undefined;
}

/** Annotations that came before the field become fields, where they say something else than the pod does. */
export function withAppArmorFields(given: PodSpec, annotations: Annotations): PodSpec {
  if (given.os?.name === "windows" || !Object.keys(annotations).some((key) => key.startsWith(APP_ARMOR_PREFIX))) {
    return given;
  }
  const ofPod = given.securityContext?.appArmorProfile;
  const change = <C extends Pick<Container, "name" | "securityContext">>(container: C): C => {
    const annotation = annotations[`${APP_ARMOR_PREFIX}${container.name}`];
    if (annotation === undefined || container.securityContext?.appArmorProfile !== undefined) return container;
    const appArmorProfile = appArmorField(annotation);
    if (appArmorProfile === undefined || deepEqual(appArmorProfile, ofPod)) return container;
    return { ...container, securityContext: { ...container.securityContext, appArmorProfile } };
  };
  return changeEach(changeEach(given, "initContainers", change), "containers", change);
}
