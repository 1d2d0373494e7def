import type { KubernetesObject } from "../../api/types.ts";
import type { AdmissionPlugin, AdmissionRequest, Objects } from "../extension.ts";

/** The admission plugins of a server, in the order of their table. */
export interface Admission {
  /** Every plugin's `mutate`, each on what the one before made. Throws StatusError. */
  mutate(request: AdmissionRequest & { readonly object: KubernetesObject }): Promise<KubernetesObject>;
  /** Every plugin's `validate`. Throws StatusError. */
  validate(request: AdmissionRequest, warn: (text: string) => void): Promise<void>;
}

export function createAdmission(plugins: readonly AdmissionPlugin[], objects: Objects): Admission {
  const mutating = plugins.flatMap(({ mutate }) => (mutate === undefined ? [] : [mutate]));
  const validating = plugins.flatMap(({ validate }) => (validate === undefined ? [] : [validate]));
  return {
    async mutate(request) {
      let { object } = request;
      for (const mutate of mutating) object = await mutate({ ...request, object }, objects);
      return object;
    },
    async validate(request, warn) {
      for (const validate of validating) {
        for (const text of (await validate(request, objects)) ?? []) warn(text);
      }
    },
  };
}
