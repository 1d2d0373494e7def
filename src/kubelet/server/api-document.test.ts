import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { kubeletApiDocument } from "../../../scripts/kubelet-api-document.ts";

it("docs/kubelet-api.md says what the code does (else: npx tsx scripts/generate-kubelet-api-doc.ts)", async () => {
  const written = await readFile(join(import.meta.dirname, "../../../docs/kubelet-api.md"), "utf8");
  expect(written).toBe(kubeletApiDocument());
});
