import { serviceAccountUserName } from "../../api/user.ts";
import type { AuditInput, InputProblem } from "./input.ts";
import type { KubeletAccess } from "./kubelet-access.ts";
import { grantHolds, nodeGrantOf } from "./node-grants.ts";
import type { Principal } from "./principals.ts";
import { describeScrape } from "./scrape-config.ts";

/** Scrapes through the API server by those who have no right to: they get 403 today. */
export function scrapeProblems(
  { scrapes, workloads }: AuditInput,
  accessOf: (principal: Principal) => KubeletAccess | undefined,
): readonly InputProblem[] {
  return scrapes.flatMap(({ object: scrape, origin }): readonly InputProblem[] => {
    const { namespace, name } = scrape.holder;
    const readers = workloads.filter((one) => one.namespace === namespace && one.configuration.includes(name));
    const accounts = [...new Set(readers.map((one) => serviceAccountUserName(namespace, one.serviceAccount)))];
    const refused = accounts.filter((account) => !mayProxy(accessOf({ kind: "ServiceAccount", name: account })));
    if (accounts.length === 0 || refused.length < accounts.length) return [];
    return [
      {
        origin,
        severity: "warning",
        message: `${describeScrape(scrape)}, but ${refused.join(", ")} may not use nodes/proxy: it gets 403`,
      },
    ];
  });
}

function mayProxy(access: KubeletAccess | undefined): boolean {
  return (access?.grants ?? []).some(({ rule }) => {
    const grant = nodeGrantOf(rule);
    return grant !== undefined && grantHolds(grant, "get", "proxy");
  });
}
