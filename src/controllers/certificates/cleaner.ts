import { certificateRequestEnd } from "../../core/controllers/certificate-request-end.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import { createReconcileLoop } from "../../machinery/reconcile-loop.ts";
import { CERTIFICATE_SIGNING_REQUESTS } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";

const HOUR = 3_600_000;

/** Deletes certificate requests that were decided an hour ago, or that nobody decided for a day. */
export function createCertificateCleanerController(deps: ControllerDeps): Unit {
  const { client, informers, clock } = deps;
  const requests = informers.of(CERTIFICATE_SIGNING_REQUESTS);
  const loop = createReconcileLoop(deps, {
    name: "certificatesigningrequest-cleaner-controller",
    async reconcile(name, signal) {
      const csr = requests.reader.get(name);
      if (csr === undefined) return "await-change";
      const wait = certificateRequestEnd(csr) - clock.now();
      if (wait > 0) return { requeueAfterMs: Math.min(wait, HOUR) };
      const { uid } = csr.metadata ?? {};
      await client
        .delete(CERTIFICATE_SIGNING_REQUESTS, { name }, signal, uid === undefined ? {} : { preconditions: { uid } })
        .catch((reason: unknown) => {
          if (!hasReason(reason, "NotFound", "Conflict")) throw reason;
        });
      return "await-change";
    },
  });
  requests.onChange(({ type, key }) => {
    if (type !== "deleted") loop.enqueue(key);
  });
  return loop;
}
