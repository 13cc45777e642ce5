/**
 * Workers of the tests run the compiled sources (command.ts), in place of `worker-script.ts` (vitest.config.ts): to teach each of
 * them TypeScript takes longer than most tests.
 */
import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import * as sources from "../../src/core/worker/worker-script.js";
import { compiled } from "./command.js";
import { repository } from "./folders.js";

type Script = Parameters<typeof sources.threadScript>;

export const threadScript = (...script: Script) => sources.threadScript(...inCompiled(script));
export const processScript = (...script: Script) => sources.processScript(...inCompiled(script));

const [from, to] = [`${repository}/src`, compiled].map((folder) => pathToFileURL(folder).href) as [string, string];

/** A script that is not of the package stays where it is. */
function inCompiled([name, moduleUrl]: Script): Script {
  const place = moduleUrl.replace(from, to).replace(/\.ts$/, ".js");
  return [name, existsSync(new URL(`./${name}.js`, place)) ? place : moduleUrl];
}
