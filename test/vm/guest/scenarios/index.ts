import type { Scenario } from "../scenario.ts";
import { kernelFacts, plainPod } from "./machine.ts";

export const SCENARIOS: readonly Scenario[] = [kernelFacts, plainPod];
