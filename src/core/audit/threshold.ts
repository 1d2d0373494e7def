import type { KubeletAccessReport, SubjectReport } from "./report.ts";

/** From the strictest to the most lenient. */
export const FAIL_ON = ["proxy", "unbound", "indirect", "run-commands", "never"] as const;

/**
 * What makes an audit fail: "run-commands", anyone who may run commands; "indirect", those who can get there as well;
 * "unbound", a role that would let its holder, too; "proxy", anyone with any right on nodes/proxy.
 */
export type FailOn = (typeof FAIL_ON)[number];

const counts = ({ builtIn, accepted }: SubjectReport): boolean => builtIn === undefined && accepted === undefined;

/** Whether the report goes beyond the threshold. Administrators and accepted findings do not count. */
export function exceeds(report: KubeletAccessReport, failOn: FailOn): boolean {
  const open = report.subjects.filter(counts);
  const commands = open.some(({ runCommands }) => runCommands !== undefined);
  const detours = open.some(({ indirect }) => indirect.length > 0);
  const unbound = report.roles.some(
    ({ runsCommands, boundBy, collectedBy, accepted }) =>
      runsCommands && boundBy.length + collectedBy.length === 0 && accepted === undefined,
  );
  switch (failOn) {
    case "never":
      return false;
    case "run-commands":
      return commands;
    case "indirect":
      return commands || detours;
    case "unbound":
      return commands || detours || unbound;
    case "proxy":
      return (
        commands ||
        detours ||
        unbound ||
        open.some(({ grants }) =>
          grants.some(({ permissions }) => permissions.some((one) => one.endsWith(" nodes/proxy"))),
        )
      );
  }
}
