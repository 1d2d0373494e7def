import type { AuditInput } from "./input.ts";
import type { Remark } from "./look-alikes.ts";
import type { SubjectReport, Summary } from "./report.ts";

/** Numbers over the subjects; done again when some of them become accepted. */
export function countSubjects(
  subjects: readonly SubjectReport[],
): Pick<
  Summary,
  "subjects" | "canRunCommands" | "canRunCommandsWithGetAlone" | "builtInAdministrators" | "indirect" | "accepted"
> {
  const open = subjects.filter(({ builtIn, accepted }) => builtIn === undefined && accepted === undefined);
  return {
    subjects: subjects.length,
    canRunCommands: open.filter(({ runCommands }) => runCommands !== undefined).length,
    canRunCommandsWithGetAlone: open.filter(({ runCommands }) => runCommands?.withGetAlone === true).length,
    builtInAdministrators: subjects.filter(
      ({ builtIn, runCommands }) => builtIn !== undefined && runCommands !== undefined,
    ).length,
    indirect: open.filter(({ runCommands, indirect }) => runCommands === undefined && indirect.length > 0).length,
    accepted: subjects.filter(({ accepted }) => accepted !== undefined).length,
  };
}

/** What was found, what was looked at, and what was not understood. */
export function summarize(input: AuditInput, subjects: readonly SubjectReport[], remarks: readonly Remark[]): Summary {
  const { otherKinds, problems } = input;
  return {
    ...countSubjects(subjects),
    phantoms: remarks.filter(({ type }) => type === "phantom").length,
    harmless: remarks.filter(({ type }) => type === "harmless").length,
    files: input.files,
    documents: input.documents,
    objects: {
      ClusterRole: input.clusterRoles.length,
      Role: input.roles.length,
      ClusterRoleBinding: input.clusterRoleBindings.length,
      RoleBinding: input.roleBindings.length,
      Node: input.nodes.length,
      ServiceAccount: input.serviceAccounts.length,
      workloads: input.workloads.length,
    },
    notUnderstood: { documents: problems.filter(({ severity }) => severity === "error").length, kinds: otherKinds },
  };
}
