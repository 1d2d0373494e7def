import { OrlopError } from "../lib/orlop-error.ts";
import type { ClusterClient } from "../machinery/cluster-client.ts";
import type { Random } from "../ports/random.ts";

/**
 * A client whose writes fail now and then: before they reach the server, or after, when only the answer is lost.
 *
 * @param share of the writes that fail, 0 to 1
 */
export function createUnreliableClient(client: ClusterClient, random: Random, share: number): ClusterClient {
  const attempt = async <T>(write: () => Promise<T>): Promise<T> => {
    const fails = random.fraction() < share;
    if (fails && random.fraction() < 0.5) throw new OrlopError("Unavailable", "the request was lost");
    const answer = await write();
    if (fails) throw new OrlopError("Unavailable", "the answer was lost");
    return answer;
  };
  return {
    ...client,
    create: (...args) => attempt(() => client.create(...args)),
    update: (...args) => attempt(() => client.update(...args)),
    updateStatus: (...args) => attempt(() => client.updateStatus(...args)),
    patch: (...args) => attempt(() => client.patch(...args)),
    delete: (...args) => attempt(() => client.delete(...args)),
    post: (...args) => attempt(() => client.post(...args)),
  };
}
