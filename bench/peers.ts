/**
 * Ocellus beside vLLM, llama.cpp and transformers on this machine's CPU: servers of one checkpoint (Qwen3-VL 2B shapes, random
 * weights), asked by one program over OpenAI's chat API, one after the other, each alone in memory (four of them leave too little of
 * 24 GB for any to run at its pace), ours first and last; medians against goals. `--minutes` is each server's time.
 *
 *   npm run bench -- peers [--home FOLDER] [--peers ocellus,vllm,llama.cpp,transformers] [--rows image,decode,…] [--rounds 3]
 *     [--minutes 6] [--flags "FLAGS OF ocellus serve"] [--block-size 128]
 *     [--peer NAME=URL]… [--work FOLDER] [--quick] [--json]
 *
 * `--home` is where `bash bench/peers/install.sh FOLDER NAME` put the others; those that are not there are named and left out.
 * `--peer` asks a server that runs already. `--quick` has tiny shapes: it tests the bench, not the servers. Linux only.
 */
import { mkdirSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { defaultThreads } from "../src/core/backend/index.js";
import { compile } from "../test/support/command.js";
import { fullShapes, quickShapes, rowsOf, type Step, stepsOf, warmUp } from "./peers/rows.js";
import {
  missingOf,
  ocellus,
  otherPeers,
  type PeerContext,
  type PeerKind,
  type RunningPeer,
  runningAt,
  startPeer,
} from "./peers/servers.js";
import { judge, printTable } from "./peers/table.js";
import { prepareCheckpoint } from "./support/whole-checkpoint.js";

const ours = "ocellus";

const maxMessage = 800;

/** What became of a run: figures by row and server, and what failed. */
class Figures {
  readonly measured: Record<string, Record<string, readonly number[]>> = {};
  readonly failures: { readonly peer: string; readonly what: string; readonly message: string }[] = [];

  add(peer: string, figures: Readonly<Record<string, number>>): void {
    for (const [row, value] of Object.entries(figures)) {
      const { [row]: ofRow = {} } = this.measured;
      this.measured[row] = { ...ofRow, [peer]: [...(ofRow[peer] ?? []), value] };
    }
  }

  /** A step that failed once is not tried again with this server: it may take minutes each time. */
  hasFailed(peer: string, what: string): boolean {
    return this.failures.some((failure) => failure.peer === peer && failure.what === what);
  }

  fail(peer: string, what: string, cause: unknown): void {
    const message = cause instanceof Error ? cause.message : String(cause);
    this.failures.push({ peer, what, message: message.slice(-maxMessage) }); // the end of a log tells most
    console.error(`${peer}, ${what}: ${this.failures.at(-1)!.message}`);
  }
}

export async function main(args: string[]): Promise<void> {
  const options = optionsOf(args);
  const { work, quick, home, wants } = options;
  mkdirSync(work, { recursive: true });
  process.env.OCELLUS_CACHE = join(work, "cache");
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130)); // ends the servers
  if (!process.env.VITEST) compile(); // tests have done so, and run from it
  const context: PeerContext = { home, work, checkpoint: prepareCheckpoint(work, quick ? "small" : "qwen3_vl-2b") };
  const kinds = [ocellus(ours, "int8", options), ...otherPeers].filter(({ name }) => wants(name));
  const missing = kinds.filter((kind) => missingOf(kind, home).length > 0);
  const present = kinds.filter((kind) => !missing.includes(kind));
  const figures = new Figures();
  const peers = new Map<string, RunningPeer>();
  const visit = async (name: string, start: () => Promise<RunningPeer>, firstRound: number) => {
    console.error(`starting ${name}`);
    try {
      await using peer = await start();
      peers.set(name, peer);
      await measure(peer, options, figures, firstRound);
      addMemory(peer, figures);
    } catch (cause) {
      figures.fail(name, "start", cause);
    }
  };
  for (const kind of present) await visit(kind.name, () => startPeer(kind, context), 0);
  for (const [name, url] of options.running) await visit(name, () => runningAt(name, url), 0);
  const comesTwice = wants(ours) && peers.size > 1 && options.rounds > 1;
  if (comesTwice) await visit(ours, () => startPeer(present[0]!, context), options.rounds); // has the machine changed meanwhile?
  if (options.rows.includes("lean-memory")) await measureLean(context, options, figures);
  report({ peers: [...peers.values()], missing, figures, options });
}

type Options = ReturnType<typeof optionsOf>;

function optionsOf(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      home: { type: "string", default: process.env.OCELLUS_BENCH_PEERS ?? join(tmpdir(), "ocellus-peers") },
      work: { type: "string", default: join(tmpdir(), "ocellus-bench-peers") },
      peers: { type: "string" },
      peer: { type: "string", multiple: true, default: [] },
      rows: { type: "string" },
      rounds: { type: "string", default: "3" },
      minutes: { type: "string", default: "6" },
      flags: { type: "string", default: "" },
      "block-size": { type: "string", default: "128" },
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const shapes = values.quick ? quickShapes : fullShapes;
  const all = rowsOf(shapes);
  const known = all.map(({ id }) => id);
  const rows = values.rows?.split(",") ?? known;
  const running = values.peer.map((text) => text.split(/=(.*)/s) as [string, string]);
  const names = values.peers?.split(",");
  refuseUnknown("row", rows, known);
  refuseUnknown("peer", names ?? [], [ours, ...otherPeers.map(({ name }) => name)]);
  const wants = (name: string) => names?.includes(name) ?? true;
  const flags = values.flags.split(" ").filter(Boolean);
  return {
    ...values,
    shapes,
    all,
    rows,
    running,
    wants,
    flags,
    blockSize: values["block-size"],
    rounds: Number(values.rounds),
    minutes: Number(values.minutes),
  };
}

function refuseUnknown(what: string, names: readonly string[], known: readonly string[]): void {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`no ${what} ${unknown}; there are ${known.join(", ")}`);
}

/** Rounds until they are done or the server's time is up; no step begins after that, and the first round warms up before it. */
async function measure(peer: RunningPeer, options: Options, figures: Figures, firstRound: number): Promise<void> {
  const { rows, rounds, minutes, shapes } = options;
  const steps = stepsOf(shapes).filter((step) => step.rows.some((row) => rows.includes(row)));
  await tryStep(peer, { rows: ["warm-up"], run: (server) => warmUp(server, shapes) }, 0, figures);
  const end = performance.now() + minutes * 60_000;
  for (let round = firstRound; round < firstRound + rounds; round++)
    for (const step of steps) {
      if (performance.now() > end) return;
      console.error(`${peer.name}, round ${round + 1}: ${step.rows.join(", ")}`);
      await tryStep(peer, step, round, figures);
    }
}

async function tryStep(peer: RunningPeer, step: Step, round: number, figures: Figures): Promise<void> {
  const what = step.rows.join(", ");
  if (figures.hasFailed(peer.name, what)) return;
  try {
    figures.add(peer.name, await step.run(peer, round));
  } catch (cause) {
    figures.fail(peer.name, what, cause);
  }
}

function addMemory(peer: RunningPeer, figures: Figures, row = "memory"): void {
  const bytes = peer.peakBytes();
  if (bytes !== undefined) figures.add(peer.name, { [row]: bytes / 1e9 });
}

/** Ours once more, alone, without the copies of weights that prompts are read by. */
async function measureLean(context: PeerContext, options: Options, figures: Figures): Promise<void> {
  if (!options.wants(ours)) return;
  const steps = stepsOf(options.shapes);
  const stepOf = (row: string) => steps.find((step) => step.rows.includes(row))!;
  try {
    await using peer = await startPeer(ocellus(ours, "same", options), context);
    for (const row of ["image", "clients"]) await stepOf(row).run(peer, 0);
    addMemory(peer, figures, "lean-memory");
    await stepOf("large-image").run(peer, 0);
    addMemory(peer, figures, "lean-memory-large");
  } catch (cause) {
    figures.fail(ours, "without 8-bit copies", cause);
  }
}

interface Run {
  readonly peers: readonly RunningPeer[];
  readonly missing: readonly PeerKind[];
  readonly figures: Figures;
  readonly options: Options;
}

/** A table, and with --json one last line of JSON. */
function report({ peers, missing, figures, options }: Run): void {
  const rows = judge(
    options.all.filter(({ id }) => options.rows.includes(id)),
    figures.measured,
    ours,
  );
  const install = missing.map(({ name }) => ({ name, command: `bash bench/peers/install.sh ${options.home} ${name}` }));
  const shapes = options.quick ? "tiny shapes: these figures mean nothing" : "Qwen3-VL 2B shapes";
  console.log(`${shapes}, random weights, ${defaultThreads()} threads each; medians\n`);
  for (const { name, version, flags } of peers) console.log(`${name.padEnd(13)} ${version}\n${"".padEnd(13)} ${flags}`);
  for (const { name, command } of install) console.log(`${name.padEnd(13)} not installed: ${command}`);
  const names = peers.map(({ name }) => name);
  console.log(`\n${printTable(rows, names)}`);
  for (const { peer, what, message } of figures.failures) console.log(`\n${peer} failed at ${what}: ${message}`);
  if (!options.json) return;
  const machine = { cpu: cpus()[0]?.model, threads: defaultThreads(), node: process.version };
  const servers = peers.map(({ name, version, flags }) => ({ name, version, flags }));
  const { failures } = figures;
  console.log(
    JSON.stringify({
      machine,
      quick: options.quick,
      rounds: options.rounds,
      servers,
      rows,
      missing: install,
      failures,
    }),
  );
}
