import type { Scenario } from "../scenario.ts";
import { conflict, privilegedSharing } from "./conflict.ts";
import { contextMount } from "./context-mount.ts";
import { privileged, twoLabels } from "./demonstrations.ts";
import { gateOff } from "./gate-off.ts";
import { iscsi } from "./iscsi.ts";
import { kernelFacts, plainPod } from "./machine.ts";
import { reconstruction } from "./reconstruction.ts";
import { relabelling } from "./relabelling.ts";
import { silentDrop } from "./silent-drop.ts";
import { startTimes } from "./start-times.ts";

/** What the test suite does, in an order that starts the cluster as seldom as possible. */
export const SCENARIOS: readonly Scenario[] = [
  gateOff,
  kernelFacts,
  plainPod,
  contextMount,
  relabelling,
  conflict,
  privilegedSharing,
  silentDrop,
  iscsi,
  reconstruction,
];

/** Measurements and demonstrations as well. */
export const ALL_SCENARIOS: readonly Scenario[] = [...SCENARIOS, startTimes, twoLabels, privileged];
