/** `npm run fuzz -- TARGET [options]`: damages valid inputs until one is read in a way that it should not be. */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { type FuzzResult, fuzz } from "./fuzz.js";
import { targets } from "./targets.js";

const usage = `usage: npm run fuzz -- TARGET [--seconds S] [--iterations N] [--seed N] [--start N] [--save FILE]

targets: ${Object.keys(targets).join(", ")}

  --seconds S      stop after S seconds (default: never; Ctrl-C stops)
  --iterations N   stop after N inputs
  --seed N         what the inputs are drawn from (default: the time)
  --start N        the first iteration: a finding says which
  --save FILE      where the input of a finding is written (default: fuzz-TARGET.bin)

Example: npm run fuzz -- safetensors --seconds 60`;

/** Far beyond the limit of one iteration: only what never ends gets here. */
const hangMs = 30_000;

/** Watches from a thread of its own, since what hangs also stops its own timers. */
function watch(label: string): { tell: (iteration: number) => void; end: () => Promise<unknown> } {
  const shared = new SharedArrayBuffer(8);
  const counter = new Float64Array(shared);
  const code = `
    const { workerData: { shared, label, hangMs } } = require("node:worker_threads");
    const counter = new Float64Array(shared);
    let last = -1;
    setInterval(() => {
      if (counter[0] === last) {
        require("node:fs").writeSync(2, "iteration " + last + " never ended; reproduce: " + label + " --start " + last + " --iterations 1\\n");
        process.kill(process.pid, "SIGKILL");
      }
      last = counter[0];
    }, hangMs);`;
  const worker = new Worker(code, { eval: true, workerData: { shared, label, hangMs } });
  worker.unref();
  return { tell: (iteration) => void counter.fill(iteration), end: () => worker.terminate() };
}

function report(
  label: string,
  save: string,
  seconds: number,
  { numIterations, numAccepted, finding }: FuzzResult,
): number {
  const rate = Math.round(numIterations / seconds);
  const accepted = Math.round((100 * numAccepted) / Math.max(1, numIterations));
  console.log(`${numIterations} iterations, ${rate} a second, ${accepted} % of the inputs were read whole`);
  if (!finding) return 0;
  writeFileSync(save, finding.input);
  console.log(`\niteration ${finding.iteration}: ${finding.reason}\n`);
  console.log(`the input is in ${save}; reproduce: ${label} --start ${finding.iteration} --iterations 1`);
  return 1;
}

async function main(): Promise<number> {
  const text = { type: "string" } as const;
  const options = { seconds: text, iterations: text, seed: text, start: text, save: text } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const name = positionals[0] ?? "";
  const target = Object.hasOwn(targets, name) ? targets[name] : undefined;
  const [seconds, iterations] = [Number(values.seconds ?? 1e9), Number(values.iterations ?? Number.MAX_SAFE_INTEGER)];
  const [seed, start] = [Number(values.seed ?? Date.now() % 1e6), Number(values.start ?? 0)];
  if (!target || [seconds, iterations, seed, start].some((n) => !(n >= 0))) {
    console.error(usage);
    return name ? 2 : 0;
  }
  const label = `npm run fuzz -- ${name} --seed ${seed}`;
  console.log(`${label} --start ${start}`);
  const watcher = watch(label);
  const began = Date.now();
  let last = began;
  const onIteration = (iteration: number) => {
    watcher.tell(iteration);
    if (Date.now() - last < 10_000) return;
    last = Date.now();
    const megabytes = Math.round(process.memoryUsage().rss / 1e6);
    console.log(
      `  ${iteration - start} iterations, ${Math.round(((iteration - start) * 1000) / (last - began))} a second, ${megabytes} MB`,
    );
  };
  const result = await fuzz(target, { seed, start, iterations, seconds, onIteration });
  await watcher.end();
  return report(label, values.save ?? `fuzz-${name}.bin`, Math.max(1, Date.now() - began) / 1000, result);
}

process.exitCode = await main();
