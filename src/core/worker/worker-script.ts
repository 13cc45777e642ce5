/** What a worker runs. From the sources a thread and a process have to be taught TypeScript first: tsx does not reach into them. */
import { fileURLToPath } from "node:url";

/** `name` without extension, beside the module whose `import.meta.url` is given. */
export function threadScript(name: string, moduleUrl: string): URL {
  if (!isSource(moduleUrl)) return new URL(`./${name}.js`, moduleUrl);
  const [tsx, script] = [import.meta.resolve("tsx/esm/api"), new URL(`./${name}.ts`, moduleUrl).href];
  const source = `import { register } from "${tsx}"; register(); await import("${script}");`;
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`);
}

/** The same for a process: its file, and what Node needs to read it. */
export function processScript(name: string, moduleUrl: string): { file: string; execArgv: readonly string[] } {
  const extension = isSource(moduleUrl) ? "ts" : "js";
  const file = fileURLToPath(new URL(`./${name}.${extension}`, moduleUrl));
  return { file, execArgv: isSource(moduleUrl) ? ["--import", import.meta.resolve("tsx")] : [] };
}

function isSource(moduleUrl: string): boolean {
  return moduleUrl.endsWith(".ts");
}
