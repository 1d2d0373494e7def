import { badRequest } from "../../api/status-error.ts";
import type { Pod } from "../../api/types.ts";

/** The container a request means: the one it names, or the only one. Throws StatusError 400 with upstream's texts. */
export function chooseContainer(pod: Pod, asked: string): string {
  const name = pod.metadata?.name ?? "";
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const all = [...initContainers, ...containers, ...ephemeralContainers].map((container) => container.name);
  if (asked !== "") {
    if (all.includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  const [only] = containers;
  if (only === undefined) throw badRequest(`a container name must be specified for pod ${name}`);
  if (containers.length === 1) return only.name;
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${all.join(" ")}]`);
}
