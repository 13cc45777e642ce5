/** Temporary folders that go away with the test file, and the fixtures' folders. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll } from "vitest";

export const repository = resolve(import.meta.dirname, "../..");
export const goldenFolder = join(repository, "test/golden/qwen3_vl_resampler");

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "ocellus-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
