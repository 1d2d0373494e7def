/** Writes docs/kubelet-api.md. Run: `npx tsx scripts/generate-kubelet-api-doc.ts`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { kubeletApiDocument } from "./kubelet-api-document.ts";

writeFileSync(join(import.meta.dirname, "../docs/kubelet-api.md"), kubeletApiDocument());
