import type { KubernetesObject } from "../../api/types.ts";

type Fields = Readonly<Record<string, unknown>>;

const CONTAINERS = ["containers", "initContainers", "ephemeralContainers"] as const;

/**
 * What keeps a manifest from being understood, as far as volumes and labels go; undefined when nothing does. API servers
 * refuse such objects; files were seen by nobody yet. Nulls count as absent, as they do there.
 */
export function shapeProblem(object: KubernetesObject): string | undefined {
  const { spec } = object as { readonly spec?: unknown };
  if (spec === undefined) return undefined;
  if (!isFields(spec)) return "spec is not an object";
  if (object.kind === "Pod") return podProblem("spec", spec);
  const claims = listProblem("spec", spec, "volumeClaimTemplates");
  const { template, jobTemplate } = spec;
  const jobSpec = isFields(jobTemplate) && isFields(jobTemplate["spec"]) ? jobTemplate["spec"] : {};
  return (
    claims ??
    templateProblem("spec.template", template) ??
    templateProblem("spec.jobTemplate.spec.template", jobSpec["template"])
  );
}

function templateProblem(path: string, template: unknown): string | undefined {
  if (template === undefined) return undefined;
  if (!isFields(template)) return `${path} is not an object`;
  const { spec } = template;
  if (spec === undefined) return undefined;
  return isFields(spec) ? podProblem(`${path}.spec`, spec) : `${path}.spec is not an object`;
}

function podProblem(path: string, spec: Fields): string | undefined {
  for (const list of ["volumes", ...CONTAINERS]) {
    const problem = listProblem(path, spec, list);
    if (problem !== undefined) return problem;
  }
  const context = contextProblem(path, spec);
  if (context !== undefined) return context;
  for (const list of CONTAINERS) {
    for (const [position, container] of fieldsIn(spec[list]).entries()) {
      const where = `${path}.${list}[${position}]`;
      const problem = listProblem(where, container, "volumeMounts") ?? contextProblem(where, container);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

function contextProblem(path: string, { securityContext }: Fields): string | undefined {
  if (securityContext === undefined) return undefined;
  if (!isFields(securityContext)) return `${path}.securityContext is not an object`;
  const { seLinuxOptions } = securityContext;
  if (seLinuxOptions === undefined) return undefined;
  const isText = isFields(seLinuxOptions) && Object.values(seLinuxOptions).every((value) => typeof value === "string");
  return isText ? undefined : `${path}.securityContext.seLinuxOptions is not an object of texts`;
}

function listProblem(path: string, fields: Fields, name: string): string | undefined {
  const list = fields[name];
  if (list === undefined || (Array.isArray(list) && list.every((item) => isFields(item)))) return undefined;
  return `${path}.${name} is not a list of objects`;
}

function fieldsIn(list: unknown): readonly Fields[] {
  return Array.isArray(list) ? list.filter((item) => isFields(item)) : [];
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
