import { createConflictIndex } from "../../src/core/selinux/conflict-index.ts";
import { type VolumeLookups, podVolumesOf } from "../../src/core/selinux/pod-volumes.ts";
import type { Pod } from "../../src/api/types.ts";
import { table } from "./statistics.ts";

const MORE = 2_000;
const ROUNDS = 5;

const lookups: VolumeLookups = {
  claim: () => ({ metadata: { namespace: "bench", name: "data" }, spec: { volumeName: "pv" } }),
  persistentVolume: () => ({
    metadata: { name: "pv" },
    spec: { accessModes: ["ReadWriteMany"], csi: { driver: "driver.example.com", volumeHandle: "share" } },
  }),
};

/** Finding out what one more pod wants and putting it into the conflict index, by the pods that are on its volume already. */
export async function selinuxIndex(): Promise<string> {
  const rows: (string | number)[][] = [];
  for (const labels of [2, Number.POSITIVE_INFINITY]) {
    for (const pods of [100, 1_000, 10_000, 100_000]) rows.push(measure(pods, labels));
  }
  return table(["pods on the volume", "labels", "one more pod, µs", "parsing its JSON, µs", "ratio"], rows);
}

function measure(pods: number, labels: number): (string | number)[] {
  const index = createConflictIndex();
  index.setPluginSupport("kubernetes.io/csi/driver.example.com", true);
  const put = (text: string): void => {
    const pod = JSON.parse(text) as Pod;
    const { uid = "", namespace = "", name = "" } = pod.metadata ?? {};
    index.setPod({ uid, namespace, name }, podVolumesOf(pod, lookups).uses);
  };
  for (let number = 0; number < pods; number++) put(podText(number, labels));
  const more = Array.from({ length: MORE }, (_, number) => podText(pods + number, labels));
  const rounds = Array.from({ length: ROUNDS }, () => {
    const parsing = timed(() => {
      for (const text of more) JSON.parse(text);
    });
    const putting = timed(() => {
      for (const text of more) put(text);
    });
    for (let number = 0; number < MORE; number++) index.removePod(`uid-${pods + number}`);
    return { parsing, putting: putting - parsing };
  });
  const median = (values: readonly number[]): number =>
    values.toSorted((one, two) => one - two)[Math.floor(values.length / 2)] ?? Number.NaN;
  const one = (median(rounds.map(({ putting }) => putting)) / MORE) * 1_000;
  const parse = (median(rounds.map(({ parsing }) => parsing)) / MORE) * 1_000;
  return [String(pods), Number.isFinite(labels) ? String(labels) : "all differ", one, parse, one / parse];
}

function timed(work: () => void): number {
  const began = performance.now();
  work();
  return performance.now() - began;
}

function podText(number: number, labels: number): string {
  const label = Number.isFinite(labels) ? number % labels : number;
  return JSON.stringify({
    metadata: { namespace: "bench", name: `app-${number}`, uid: `uid-${number}` },
    spec: {
      securityContext: { seLinuxOptions: { level: `s0:c${label % 1024},c${1024 + Math.floor(label / 1024)}` } },
      containers: [{ name: "app", image: "app", volumeMounts: [{ name: "data", mountPath: "/data" }] }],
      volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }],
    },
    status: { phase: "Running" },
  });
}
