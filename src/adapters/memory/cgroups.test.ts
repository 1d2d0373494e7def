import { hostCgroupsConformance } from "../../ports/host-cgroups.conformance.ts";
import { createMemoryCgroups } from "./cgroups.ts";

hostCgroupsConformance("memory, version 2", () => ({ cgroups: createMemoryCgroups(), parent: "/suite" }));
hostCgroupsConformance("memory, version 1", () => ({ cgroups: createMemoryCgroups({ version: 1 }), parent: "/suite" }));
