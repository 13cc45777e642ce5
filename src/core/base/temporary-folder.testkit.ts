/** Temporary folders that go away with the test file, also those that are made while a test runs. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

const made: string[] = [];
afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export function temporaryFolder(): string {
  made.push(mkdtempSync(join(tmpdir(), "ocellus-test-")));
  return made.at(-1)!;
}
