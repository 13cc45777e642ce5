/**
 * Compiles src/ to a publishable dist/, and the pages to dist/web; the tests stay behind. Code goes without its comments, which
 * the declarations keep; of those only the ones that the types of a public entry refer to.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
rmSync("dist", { recursive: true, force: true });
const compile = (...options) =>
  execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json", ...options], { stdio: "inherit" });
compile("--declaration", "false", "--removeComments");
compile("--emitDeclarationOnly");
removeUnreachedDeclarations();
chmodSync("dist/cli/bin.js", 0o755);
await import("./build-web.mjs");

/** A declaration that is referred to and missing fails the build. */
function removeUnreachedDeclarations() {
  const { exports } = JSON.parse(readFileSync("package.json", "utf8"));
  const reached = new Set(Object.values(exports).flatMap(({ types }) => (types ? [join(types)] : [])));
  for (const path of reached) // also those that are added meanwhile
    for (const [, specifier] of readFileSync(path, "utf8").matchAll(/\b(?:from|import)[ (]*"(\.[^"]+)\.js"/g))
      reached.add(join(dirname(path), `${specifier}.d.ts`));
  for (const name of readdirSync("dist", { recursive: true })) {
    const path = join("dist", name);
    if (path.endsWith(".d.ts") && !reached.has(path)) rmSync(path);
  }
}
