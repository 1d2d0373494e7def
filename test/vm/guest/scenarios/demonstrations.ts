import { mkdir, writeFile } from "node:fs/promises";
import { stringify } from "yaml";
import { KUBECONFIG } from "../cluster.ts";
import { run } from "../commands.ts";
import type { Scenario, ScenarioContext } from "../scenario.ts";
import { createClaim, deleteClaim } from "../volumes.ts";
import { deletePods, type PodWish, sleeper, untilRunning } from "../workloads.ts";
import { untilWarned } from "./conflict.ts";

// The two stories of the announcement, told with real kubectl and explained line by line.

/** Shows a command and what it prints, indented, as one would type it. */
async function show({ say }: ScenarioContext, command: string): Promise<string> {
  const environment = `export KUBECONFIG=${KUBECONFIG};`;
  const { stdout, stderr } = await run("bash", "-c", `${environment} ${command}`);
  // Labels end with a zero byte.
  const text = `${stdout}${stderr}`.replaceAll("\0", "\n").trimEnd();
  say(`  $ ${command}`);
  for (const line of text.split("\n").filter((one) => one !== "")) say(`    ${line}`);
  return text;
}

async function apply(context: ScenarioContext, ...wishes: readonly PodWish[]): Promise<void> {
  await mkdir("/run/demo", { recursive: true });
  for (const wish of wishes) {
    const file = `/run/demo/${wish.name}.yaml`;
    const { metadata, spec } = sleeper(wish);
    await writeFile(file, stringify({ apiVersion: "v1", kind: "Pod", metadata, spec }));
    await show(context, `kubectl apply -f ${file}`);
  }
}

const LABEL = "cat /proc/1/attr/current";
/** The file on the volume as the host sees it, and the mounts of the volume. */
const FILE =
  "getfattr --absolute-names --only-values -n security.selinux /data/orlop/kubelet/pods/*/volumes/*csi/*/mount/file";
const MOUNTS = "grep kubernetes.io~csi /proc/self/mountinfo | cut -d' ' -f9-";
const EVENTS = "kubectl get events --field-selector reason=FailedMount,involvedObject.name=";

/** Two pods, two labels, one volume. */
export const twoLabels: Scenario<{ readonly told: string; readonly started: string }> = {
  name: "demo-two-labels",
  async run(context) {
    const { say } = context;
    say("\nTwo pods, two labels, one volume\n================================\n");
    await show(context, "getenforce");
    say("A claim for a volume that many pods may share, and a pod that runs with the SELinux level s0:c1,c2:\n");
    await createClaim(context, "shared", "ReadWriteMany");
    await apply(context, { name: "first", level: "s0:c1,c2", claim: "shared" });
    await untilRunning(context, "first");
    await show(context, `kubectl exec first -- sh -c 'echo hello > /data/file; ${LABEL}'`);
    await show(context, FILE);
    say(
      "\nThe process is container_t with its categories, and so is everything on the volume. No file was relabelled: the",
    );
    say("kubelet passed the label as a mount option, which is what the kernel has now:\n");
    await show(context, MOUNTS);
    say(
      "\nA second pod wants the same volume with another level. One mount has one label, so on this node it has to wait:\n",
    );
    await apply(context, { name: "second", level: "s0:c3,c4", claim: "shared" });
    await untilWarned(context, "second", "SELinux");
    await show(context, "kubectl get pods");
    const told = await show(context, `${EVENTS}second -o custom-columns=MESSAGE:.message --no-headers`);
    say("\nThe event names the volume, both labels, and the pod that is in the way. When that pod goes, the volume is");
    say("mounted again with the other label and the second pod starts by itself, without a change to it:\n");
    await show(context, "kubectl delete pod first --now");
    await untilRunning(context, "second");
    await show(context, "kubectl get pods");
    await show(context, MOUNTS);
    const started = await show(context, `kubectl exec second -- sh -c 'cat /data/file; ${LABEL}'`);
    await deletePods(context, "second");
    await deleteClaim(context, "shared");
    return { told, started };
  },
};

/** Privileged and unprivileged pods share a volume. */
export const privileged: Scenario<{ readonly told: string; readonly shared: string }> = {
  name: "demo-privileged",
  async run(context) {
    const { say } = context;
    const level = "s0:c1,c2";
    say("\nA privileged and an unprivileged pod share a volume\n===================================================\n");
    await show(context, "getenforce");
    say("An application with a level, and a backup agent that is privileged and has none, on one claim:\n");
    await createClaim(context, "backup", "ReadWriteMany");
    await apply(context, { name: "application", level, claim: "backup" });
    await untilRunning(context, "application");
    await show(context, "kubectl exec application -- sh -c 'echo precious > /data/file'");
    await apply(context, { name: "agent", privileged: true, claim: "backup" });
    await untilWarned(context, "agent", "SELinux");
    await show(context, "kubectl get pods");
    const told = await show(context, `${EVENTS}agent -o custom-columns=MESSAGE:.message --no-headers`);
    say(
      "\nNo label is another label than the application's, so the agent waits: with the gate SELinuxMount this pair, which",
    );
    say("always worked, does not. The way out is to opt out, in both pods: seLinuxChangePolicy: Recursive.\n");
    await show(context, "kubectl delete pod agent application --now");
    const recursive = { seLinuxChangePolicy: "Recursive" as const };
    await apply(
      context,
      { name: "agent", privileged: true, claim: "backup", securityContext: recursive },
      { name: "application", claim: "backup", securityContext: { ...recursive, seLinuxOptions: { level } } },
    );
    await untilRunning(context, "agent");
    await untilRunning(context, "application");
    await show(context, "kubectl get pods");
    const shared = await show(context, "kubectl exec agent -- cat /data/file");
    await show(context, "kubectl exec application -- sh -c 'cat /data/file'");
    await show(context, FILE);
    say(
      "\nThe volume is mounted without a label (seclabel: each file has its own), and containerd wrote the application's",
    );
    say("label onto every file of it. The agent reads them all: privileged processes are not confined.\n");
    await show(context, MOUNTS);
    await deletePods(context, "agent", "application");
    await deleteClaim(context, "backup");
    return { told, shared };
  },
};
