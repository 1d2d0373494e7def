import { stringify } from "yaml";
import {
  admissionPolicy,
  gatekeeperMutation,
  kustomization,
  kyvernoPolicy,
  type OptOutChange,
  optOutChanges,
} from "../../core/selinux-report/opt-out-forms.ts";
import type { PlannedWorkload } from "../../core/selinux-report/opt-out-plan.ts";
import { workloadText } from "../../core/selinux-report/workload.ts";
import type { OptOutForm } from "./options.ts";

const WHY: Readonly<Record<PlannedWorkload["because"], string>> = {
  "in-conflict": "uses a volume in conflict",
  uncertain: "uses a volume of which kubelets make different things",
  "shares-volume": "has no conflict yet, but shares a volume with one that is opted out",
  "in-namespace": "is in a namespace that is opted out",
};

/** The manifests of an opt-out as YAML, with the reasons as comments. */
export function optOutText(plan: readonly PlannedWorkload[], form: OptOutForm): string {
  const changes = optOutChanges(plan);
  const namespaces = [...new Set(plan.map(({ workload }) => workload.namespace))].toSorted();
  switch (form) {
    case "strategic":
      return `${introduction(plan)}${changes.map((change) => strategic(change, plan)).join("")}`;
    case "kustomize":
      return `${introduction(plan)}${byHand(changes)}${stringify(kustomization(changes, (value) => stringify(value)))}`;
    case "policy":
      return policy(plan, namespaces, admissionPolicy(namespaces));
    case "kyverno":
      return policy(plan, namespaces, kyvernoPolicy(namespaces));
    case "gatekeeper":
      return policy(
        plan,
        namespaces,
        gatekeeperMutation(namespaces),
        "Needs Gatekeeper 3.23: older ones do not know `operations` and would spoil every update of pods that run already.",
        "Assign can not tell pods for Windows apart, and these must not have the field: keep them out of these namespaces.",
      );
  }
}

function introduction(plan: readonly PlannedWorkload[]): string {
  const lines = plan.map(
    ({ workload, because, done }) => `#   ${workloadText(workload)} ${done ? "has opted out already" : WHY[because]}`,
  );
  return `# These workloads opt out together; doing only some of them makes new conflicts:\n${lines.join("\n")}\n`;
}

function strategic(change: OptOutChange, plan: readonly PlannedWorkload[]): string {
  const { workload } = change;
  if (change.how === "by-hand") return `# ${workloadText(workload)} by hand: ${change.text}\n`;
  const because = plan.find((planned) => planned.workload === workload)?.because ?? "in-conflict";
  const { namespace, name, kind } = workload;
  return [
    "---\n",
    `# ${workloadText(workload)}: ${WHY[because]}\n`,
    `# kubectl -n ${namespace} patch ${kind.toLowerCase()} ${name} --type=strategic --patch-file=THIS\n`,
    stringify(change.patch, { lineWidth: 0 }),
  ].join("");
}

function byHand(changes: readonly OptOutChange[]): string {
  return changes
    .flatMap((change) =>
      change.how === "by-hand" ? [`# ${workloadText(change.workload)} by hand: ${change.text}\n`] : [],
    )
    .join("");
}

function policy(
  plan: readonly PlannedWorkload[],
  namespaces: readonly string[],
  documents: readonly unknown[],
  ...remarks: readonly string[]
): string {
  const text = documents.map((document) => `---\n${stringify(document, { lineWidth: 0 })}`).join("");
  const open = plan.filter(({ done }) => !done);
  return [
    `# Opts out every new pod of ${namespaces.join(", ")} that sets no policy itself. These share volumes, so none\n`,
    "# may be left out. Pods that run already keep what they have: restart their workloads afterwards:\n",
    ...open.map(({ workload }) => `#   ${workloadText(workload)}\n`),
    ...open
      .filter(({ setsMountOption }) => setsMountOption)
      .map(
        ({ workload }) => `# ${workloadText(workload)} sets MountOption itself: remove that, or it stays in conflict\n`,
      ),
    ...remarks.map((remark) => `# ${remark}\n`),
    text,
  ].join("");
}
