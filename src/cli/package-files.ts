/** Where the package keeps what it brings along. The same two steps up lead to its root from src/cli and from dist/cli. */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const inPackage = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export { bundledModel } from "../core/checkpoint/index.js";
/** Built by `npm run build` or `npm run build:web`; a fresh clone has none. */
export const webPage = inPackage("dist/web");
export const exampleImages = inPackage("examples/pictures");
export const sampleWords = inPackage("examples/words.txt");

const require = createRequire(import.meta.url);

/** The version of Ocellus, or of one of its dependencies that lets its package.json be read. */
export function versionOf(dependency?: string): string {
  const file = dependency ? `${dependency}/package.json` : inPackage("package.json");
  return (require(file) as { version: string }).version;
}
