/**
 * Ocellus beside vLLM, llama.cpp and transformers on this machine's CPU: servers of one checkpoint (Qwen3-VL 2B shapes, random
 * weights), asked by one program over OpenAI's chat API, by turns, the others stopped meanwhile; medians against goals.
 *
 *   npm run bench -- peers [--home FOLDER] [--peers ocellus,vllm,llama.cpp,transformers] [--rows image,decode,…] [--rounds 3]
 *     [--minutes 14] [--flags "FLAGS OF ocellus serve"] [--peer NAME=URL]… [--work FOLDER] [--quick] [--json]
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
  const kinds = [ocellus(ours, "int8", options.flags), ...otherPeers].filter(({ name }) => wants(name));
  const missing = kinds.filter((kind) => missingOf(kind, home).length > 0);
  const figures = new Figures();
  const peers = await startAll(
    kinds.filter((kind) => !missing.includes(kind)),
    context,
    figures,
  );
  for (const [name, url] of options.running) peers.push(await runningAt(name, url));
  let rounds = 0;
  try {
    rounds = await measure(peers, options, figures);
    for (const peer of peers) addMemory(peer, figures);
  } finally {
    for (const peer of peers) await peer.close();
  }
  if (options.rows.includes("lean-memory")) await measureLean(context, options, figures);
  report({ peers, missing, rounds, figures, options });
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
      minutes: { type: "string", default: "14" },
      flags: { type: "string", default: "" },
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
    rounds: Number(values.rounds),
    minutes: Number(values.minutes),
  };
}

function refuseUnknown(what: string, names: readonly string[], known: readonly string[]): void {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`no ${what} ${unknown}; there are ${known.join(", ")}`);
}

/** One after the other, each stopped once it answers and is warm. */
async function startAll(kinds: readonly PeerKind[], context: PeerContext, figures: Figures): Promise<RunningPeer[]> {
  const peers: RunningPeer[] = [];
  for (const kind of kinds) {
    console.error(`starting ${kind.name}`);
    try {
      const peer = await startPeer(kind, context);
      peers.push(peer);
      peer.pause();
    } catch (cause) {
      figures.fail(kind.name, "start", cause);
    }
  }
  return peers;
}

/** Rounds until they are done or the time is up; no step begins after that, and the first round warms up before it. */
async function measure(peers: readonly RunningPeer[], options: Options, figures: Figures): Promise<number> {
  const { rows, rounds, minutes, shapes } = options;
  const end = performance.now() + minutes * 60_000;
  const steps = stepsOf(shapes).filter((step) => step.rows.some((row) => rows.includes(row)));
  await turns(peers, { rows: ["warm-up"], run: (server) => warmUp(server, shapes) }, 0, figures);
  for (let round = 0; round < rounds; round++)
    for (const step of steps) {
      if (performance.now() > end) return round;
      console.error(`round ${round + 1}: ${step.rows.join(", ")}`);
      await turns(peers, step, round, figures);
    }
  return rounds;
}

/** The step of every server, another one first in each round. */
async function turns(peers: readonly RunningPeer[], step: Step, round: number, figures: Figures): Promise<void> {
  const what = step.rows.join(", ");
  for (const i of peers.keys()) {
    const peer = peers[(i + round) % peers.length]!;
    if (figures.hasFailed(peer.name, what)) continue;
    peer.resume();
    try {
      figures.add(peer.name, await step.run(peer, round));
    } catch (cause) {
      figures.fail(peer.name, what, cause);
    } finally {
      peer.pause();
    }
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
    const peer = await startPeer(ocellus(ours, "same", options.flags), context);
    try {
      for (const row of ["image", "clients"]) await stepOf(row).run(peer, 0);
      addMemory(peer, figures, "lean-memory");
      await stepOf("large-image").run(peer, 0);
      addMemory(peer, figures, "lean-memory-large");
    } finally {
      await peer.close();
    }
  } catch (cause) {
    figures.fail(ours, "without 8-bit copies", cause);
  }
}

interface Run {
  readonly peers: readonly RunningPeer[];
  readonly missing: readonly PeerKind[];
  readonly rounds: number;
  readonly figures: Figures;
  readonly options: Options;
}

/** A table, and with --json one last line of JSON. */
function report({ peers, missing, rounds, figures, options }: Run): void {
  const rows = judge(
    options.all.filter(({ id }) => options.rows.includes(id)),
    figures.measured,
    ours,
  );
  const install = missing.map(({ name }) => ({ name, command: `bash bench/peers/install.sh ${options.home} ${name}` }));
  const shapes = options.quick ? "tiny shapes: these figures mean nothing" : "Qwen3-VL 2B shapes";
  console.log(`${shapes}, random weights, ${defaultThreads()} threads each; medians of ${rounds} rounds by turns\n`);
  for (const { name, version, flags } of peers) console.log(`${name.padEnd(13)} ${version}\n${"".padEnd(13)} ${flags}`);
  for (const { name, command } of install) console.log(`${name.padEnd(13)} not installed: ${command}`);
  const names = peers.map(({ name }) => name);
  console.log(`\n${printTable(rows, names)}`);
  for (const { peer, what, message } of figures.failures) console.log(`\n${peer} failed at ${what}: ${message}`);
  if (!options.json) return;
  const machine = { cpu: cpus()[0]?.model, threads: defaultThreads(), node: process.version };
  const servers = peers.map(({ name, version, flags }) => ({ name, version, flags }));
  const { failures } = figures;
  console.log(JSON.stringify({ machine, quick: options.quick, rounds, servers, rows, missing: install, failures }));
}
