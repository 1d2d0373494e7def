import type { KubeletAccessReport, RoleReport, SubjectReport } from "../../core/audit/report.ts";

/** Subjects by what every form of the report says of them. */
export interface SubjectGroups {
  /** Neither built in nor accepted. The next three are parts of it. */
  readonly open: readonly SubjectReport[];
  readonly commands: readonly SubjectReport[];
  readonly detours: readonly SubjectReport[];
  readonly readers: readonly SubjectReport[];
  readonly builtIn: readonly SubjectReport[];
  readonly accepted: readonly SubjectReport[];
}

export function subjectGroups({ subjects }: KubeletAccessReport): SubjectGroups {
  const open = subjects.filter(({ builtIn, accepted }) => builtIn === undefined && accepted === undefined);
  return {
    open,
    commands: open.filter(({ runCommands }) => runCommands !== undefined),
    detours: open.filter(({ runCommands, indirect }) => runCommands === undefined && indirect.length > 0),
    // Who gets further by a detour may read as well.
    readers: open.filter(({ runCommands, actions }) => runCommands === undefined && actions.length > 0),
    builtIn: subjects.filter(({ builtIn }) => builtIn !== undefined),
    accepted: subjects.filter(({ accepted }) => accepted !== undefined),
  };
}

/** Roles that would let their holders run commands, and have none; accepted ones left out. */
export function unboundRoles({ roles }: KubeletAccessReport): readonly RoleReport[] {
  return roles.filter(
    ({ runsCommands, boundBy, collectedBy, accepted }) =>
      runsCommands && boundBy.length + collectedBy.length === 0 && accepted === undefined,
  );
}
