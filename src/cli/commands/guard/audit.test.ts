import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { temporaryFolder } from "../../../core/base/temporary-folder.testkit.js";
import { AuditLog } from "../../../guardrails/index.js";
import { main } from "../../main.js";

async function run(...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written[name] += text;
      return true;
    });
  }
  return { code: await main(argv), ...written };
}
afterEach(() => vi.restoreAllMocks());

it("verifies an audit log, and exits with 4 and the line for one that was changed or cut", async () => {
  const path = join(temporaryFolder(), "audit.jsonl");
  const log = await AuditLog.open(path);
  for (const request of ["r0", "r1"]) await log.append({ request });
  await log.close();
  const { code, stdout } = await run("guard", "audit", "verify", path);
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining("2 lines, chain intact") });
  const head = /[0-9a-f]{64}/.exec(stdout)![0];
  expect((await run("guard", "audit", "verify", path, "--contains", head)).code).toBe(0);
  const [first] = readFileSync(path, "utf8").split("\n");
  writeFileSync(path, `${first}\n`);
  expect(await run("guard", "audit", "verify", path, "--contains", head)).toMatchObject({
    code: 4,
    stderr: expect.stringMatching(/ 1 .* 2\b/),
  });
  writeFileSync(path, `${first!.replace("r0", "r9")}\n`);
  expect(await run("guard", "audit", "verify", path)).toMatchObject({
    code: 4,
    stderr: expect.stringContaining(`${path}:1:`),
  });
});
