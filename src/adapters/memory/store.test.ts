import { storeConformance } from "../../ports/store.conformance.ts";
import { createMemoryStore } from "./store.ts";

storeConformance("memory", { create: async () => createMemoryStore() });
