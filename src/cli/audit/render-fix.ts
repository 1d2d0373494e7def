import { stringify } from "yaml";
import type { KubeletAccessReport } from "../../core/audit/report.ts";

/** ClusterRoles, patches and scrape jobs as YAML documents, each with comments that say what it is for. */
export function renderFix(report: KubeletAccessReport): string {
  const documents = report.subjects.flatMap(({ name, remediation, accepted }): readonly string[] => {
    if (remediation === undefined || accepted !== undefined) return [];
    const { verdict, basis, component, clusterRole, patches, helmValues, breaks, scrapes, remarks } = remediation;
    const head = [
      name,
      `verdict: ${verdict}, by ${basis}${component === undefined ? "" : `; ${component.name}: ${component.source} (looked up ${component.asOf})`}`,
      ...(component?.remark === undefined ? [] : [`note: ${component.remark}`]),
      ...breaks.map((text) => `breaks: ${text}`),
      ...remarks.map((text) => `mind: ${text}`),
    ];
    return [
      `${comment(head)}${clusterRole === undefined ? "" : stringify(clusterRole)}`,
      ...patches.map(({ role, operations }) => {
        const kind = role.split(" ")[0] ?? "";
        const target = role.slice(kind.length + 1);
        const kustomize = {
          apiVersion: "kustomize.config.k8s.io/v1alpha1",
          kind: "Component",
          patches: [{ target: { kind, name: target }, patch: stringify(operations) }],
        };
        return `${comment([`${name}: Kustomize component; or kubectl patch ${kind.toLowerCase()} ${target} --type=json -p with its operations`])}${stringify(kustomize)}`;
      }),
      ...(helmValues === undefined ? [] : [`${comment([`${name}: Helm values`])}${stringify(helmValues)}`]),
      ...scrapes.flatMap(({ job, holder, direct }) =>
        direct === undefined
          ? []
          : [
              `${comment([`${name}: scrape job "${job}" in ${holder.kind} ${holder.namespace}/${holder.name}${holder.key === "" ? "" : ` (${holder.key})`}, asking kubelets directly`])}${stringify(holder.key === "" ? { spec: direct } : { scrape_configs: [direct] })}`,
            ],
      ),
    ];
  });
  return documents.length === 0 ? "# nothing to change\n" : documents.map((text) => `---\n${text}`).join("");
}

/** Names come from files of others: none may end the comment it stands in. */
function comment(lines: readonly string[]): string {
  // eslint-disable-next-line no-control-regex
  return lines.map((line) => `# ${line.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ")}\n`).join("");
}
