/** Sources as the tests' setup compiled them (test/support/command.ts): a process runs them without being taught TypeScript first. */

const sources = new URL("../../", import.meta.url);

/** The address of the compiled file; `name` as beside the module whose `import.meta.url` is given. */
export function compiledUrl(name: string, moduleUrl: string): string {
  const { href } = new URL(name, moduleUrl);
  return href.replace(sources.href, new URL("../.compiled/", sources).href).replace(/\.ts$/, ".js");
}
