/** `npm run bench -- NAME [options]`: runs bench/NAME.ts. Every speed claim in the docs names one of these. */
import { readdirSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { pathToFileURL } from "node:url";

const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(".ts") && file !== "run.ts")
  .map((file) => file.slice(0, -3));
const [name, ...rest] = process.argv.slice(2);

if (!name || !names.includes(name)) {
  console.error(`usage: npm run bench -- NAME\nbenches: ${names.join(", ")}`);
  process.exit(name ? 2 : 0);
}
console.log(
  `${name}: ${cpus()[0]?.model ?? "unknown CPU"}, ${availableParallelism()} cores, node ${process.version}\n`,
);
const bench = (await import(pathToFileURL(`${import.meta.dirname}/${name}.ts`).href)) as {
  main(args: string[]): Promise<void>;
};
await bench.main(rest);
