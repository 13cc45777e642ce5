/** Temporary folders that go away with the test file (test/support/afterwards.ts), also those that are made while a test runs. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const made: string[] = [];

export function removeTemporaryFolders(): void {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export function temporaryFolder(): string {
  made.push(mkdtempSync(join(tmpdir(), "ocellus-test-")));
  return made.at(-1)!;
}
