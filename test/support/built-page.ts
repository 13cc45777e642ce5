/** The page as it is shipped, built once in a run for all test files that serve it. */
import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";
import { inject, vi } from "vitest";
import { withFolderLock } from "../../src/core/fs/index.js";
import { repository } from "./folders.js";

/** @returns its folder, which other files read too. NODE_ENV stays at "production" for the rest of the file */
export async function builtPage(): Promise<string> {
  vi.stubEnv("NODE_ENV", "production"); // vitest would have it built for testing
  const folder = join(inject("runFolder"), "page");
  await withFolderLock(folder, {}, async () => {
    if (existsSync(folder)) return;
    const [web, outDir] = [join(repository, "web"), `${folder}.building`];
    await build({ root: web, configFile: join(web, "vite.config.ts"), logLevel: "warn", build: { outDir } });
    renameSync(outDir, folder);
  });
  return folder;
}
