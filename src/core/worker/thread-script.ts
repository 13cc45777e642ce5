/** What a worker thread runs. From the sources it has to be taught TypeScript first: tsx does not reach into threads. */

/** `name` without extension, beside the module whose `import.meta.url` is given. */
export function threadScript(name: string, moduleUrl: string): URL {
  if (!moduleUrl.endsWith(".ts")) return new URL(`./${name}.js`, moduleUrl);
  const [tsx, script] = [import.meta.resolve("tsx/esm/api"), new URL(`./${name}.ts`, moduleUrl).href];
  const source = `import { register } from "${tsx}"; register(); await import("${script}");`;
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`);
}
