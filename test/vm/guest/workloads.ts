import type { Container, Pod, PodSecurityContext, Volume } from "../../../src/api/types.ts";
import { hasReason } from "../../../src/machinery/answer-error.ts";
import { PODS } from "../../../src/machinery/resources.ts";
import { output, run } from "./commands.ts";
import { KUBECONFIG } from "./cluster.ts";
import type { ScenarioContext } from "./scenario.ts";
import { waitFor } from "./wait-for.ts";

export const IMAGE = "docker.io/library/busybox:latest";
export const NAMESPACE = "default";
const PATIENCE_MS = 240_000;

export interface PodWish {
  readonly name: string;
  readonly namespace?: string;
  readonly level?: string;
  readonly securityContext?: PodSecurityContext;
  readonly privileged?: boolean;
  /** Mounted at /data. */
  readonly claim?: string;
  readonly volume?: Omit<Volume, "name">;
  readonly readOnly?: boolean;
}

/** A pod that sleeps, with a volume at /data when it names one. */
export function sleeper(wish: PodWish): Pod {
  const source = wish.claim === undefined ? wish.volume : { persistentVolumeClaim: { claimName: wish.claim } };
  const container: Container = {
    name: "main",
    image: IMAGE,
    imagePullPolicy: "IfNotPresent",
    command: ["sleep", "86400"],
    ...(wish.privileged === true && { securityContext: { privileged: true } }),
    ...(source !== undefined && {
      volumeMounts: [{ name: "data", mountPath: "/data", ...(wish.readOnly === true && { readOnly: true }) }],
    }),
  };
  return {
    metadata: { name: wish.name, namespace: wish.namespace ?? NAMESPACE },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [container],
      ...(source !== undefined && { volumes: [{ name: "data", ...source }] }),
      securityContext: {
        ...(wish.level !== undefined && { seLinuxOptions: { level: wish.level } }),
        ...wish.securityContext,
      },
    },
  };
}

export async function createPod({ cluster, signal }: ScenarioContext, wish: PodWish): Promise<void> {
  await cluster.client.create(PODS, sleeper(wish), signal);
}

/** Waits until the pod runs. @throws with its events when it does not */
export async function untilRunning(
  context: ScenarioContext,
  name: string,
  namespace = NAMESPACE,
  withinMs = PATIENCE_MS,
): Promise<Pod> {
  const { cluster, signal } = context;
  try {
    return await waitFor(
      `pod ${name} to run`,
      async () => {
        const pod = await cluster.client.get(PODS, { namespace, name }, signal);
        return pod.status?.containerStatuses?.every(({ state }) => state?.running !== undefined) === true
          ? pod
          : undefined;
      },
      { signal, withinMs },
    );
  } catch (cause) {
    const events = await kubectl("get", "events", "--namespace", namespace, "--sort-by=.lastTimestamp");
    throw new Error(`${String(cause)}; the events:\n${events}`, { cause });
  }
}

export async function startPod(context: ScenarioContext, wish: PodWish): Promise<Pod> {
  await createPod(context, wish);
  return await untilRunning(context, wish.name, wish.namespace);
}

/** Deletes pods and waits until the API server does not know them any more. */
export async function deletePods({ cluster, signal }: ScenarioContext, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await cluster.client.delete(PODS, { namespace: NAMESPACE, name }, signal, { gracePeriodSeconds: 0 });
  }
  for (const name of names) {
    await waitFor(
      `pod ${name} to be gone`,
      async () => {
        const answer = await cluster.client.get(PODS, { namespace: NAMESPACE, name }, signal).catch((reason) => reason);
        return hasReason(answer, "NotFound") ? true : undefined;
      },
      { signal },
    );
  }
}

/** Runs the real kubectl; its output. @throws when it fails */
export async function kubectl(...parameters: readonly string[]): Promise<string> {
  return await output("kubectl", "--kubeconfig", KUBECONFIG, ...parameters);
}

/** What a command in the pod's container printed, and how it ended. */
export async function inPod(name: string, command: string): Promise<{ readonly code: number; readonly text: string }> {
  const { code, stdout, stderr } = await run(
    "kubectl",
    "--kubeconfig",
    KUBECONFIG,
    "exec",
    name,
    "--",
    "sh",
    "-c",
    command,
  );
  return { code, text: `${stdout}${stderr}`.trim() };
}
