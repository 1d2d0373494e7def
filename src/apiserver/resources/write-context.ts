import type { KubernetesObject } from "../../api/types.ts";
import type { User } from "../../api/user.ts";
import type { Admission } from "../admission/admission.ts";
import type { Annotate } from "../extension.ts";
import type { Aspect } from "./aspects.ts";

/** Who writes, and how. */
export interface WriteContext {
  readonly user: User;
  /** Goes through everything but stores nothing. */
  readonly dryRun: boolean;
  /** Absent: no admission (writes of the server itself). */
  readonly admission?: Admission;
  /** Takes a text for the `Warning` header. */
  readonly warn: (text: string) => void;
  /** Takes something for the request's audit record. @default there is none */
  readonly annotate?: Annotate;
}

/** What an update does to an object. */
export interface Change {
  readonly aspect: Aspect;
  /** undefined when the object does not exist: throws, or returns the object to create where the kind allows that. */
  readonly apply: (current: KubernetesObject | undefined) => KubernetesObject | Promise<KubernetesObject>;
}
