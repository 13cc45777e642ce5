/**
 * The servers of the comparison: what each needs, how it is started, which version it is. Each runs in a process group of its own
 * on a free port of loopback. Linux: /proc tells the memory of a group.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { defaultThreads } from "../../src/core/backend/index.js";
import { ocellusCommand } from "../../test/support/command.js";
import { ask, type ChatServer } from "./load.js";
import { convertForLlama, packOurs } from "./packed.js";

export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Record<string, string>;
  readonly model: string;
  readonly extra?: object;
  readonly ignoresEnd?: boolean;
  readonly version: string;
}

export interface PeerContext {
  /** Where bench/peers/install.sh put the others. */
  readonly home: string;
  readonly work: string;
  readonly checkpoint: string;
}

export interface PeerKind {
  readonly name: string;
  /** Programs that must be there, below `home`. */
  readonly needs: readonly string[];
  /** What can take minutes, and on which port it will answer. */
  launch(context: PeerContext, port: string): Launch;
}

export interface RunningPeer extends ChatServer {
  readonly name: string;
  readonly version: string;
  /** As started, without the folders. */
  readonly flags: string;
  /** The most that its processes held at any time, added up. */
  peakBytes(): number | undefined;
  [Symbol.asyncDispose](): Promise<void>;
}

const threads = String(defaultThreads());
/** Sequences that all are opened for. */
const numSequences = 8;
const usageInStream = { stream_options: { include_usage: true } };

/** Ours, with or without the 8-bit copies that prompts are read by. */
export function ocellus(
  name: string,
  prefillWeights: "int8" | "same",
  { blockSize, flags }: { readonly blockSize: string; readonly flags: readonly string[] },
): PeerKind {
  return {
    name,
    needs: [],
    launch: ({ checkpoint }, port) => {
      const packed = packOurs(checkpoint, prefillWeights, blockSize);
      const fixed = ["--device", "cpu", "--threads", threads, "--max-sequences", `${numSequences}`];
      const options = ["--port", port, "--max-length", "2048", "--log-level", "error", ...fixed, ...flags];
      const [command, args] = ocellusCommand("serve", "--model", `bench=${packed}`, ...options);
      const version = `${versionOf("package.json")}, int4 block ${blockSize}, prompts ${prefillWeights}`;
      return { command, args, model: "bench", extra: usageInStream, version };
    },
  };
}

const vllm: PeerKind = {
  name: "vllm",
  needs: ["vllm/bin/vllm"],
  launch: ({ home, work, checkpoint }, port) => ({
    command: join(home, "vllm/bin/vllm"),
    args: [
      ...["serve", checkpoint, "--host", "127.0.0.1", "--port", port, "--served-model-name", "bench"],
      ...["--dtype", "bfloat16", "--max-model-len", "2048", "--max-num-seqs", `${numSequences}`],
      ...["--limit-mm-per-prompt", '{"image":1,"video":0}', "--skip-mm-profiling"],
    ],
    env: {
      ...offline,
      VLLM_CPU_KVCACHE_SPACE: "2", // GiB; eight sequences of 2,048 tokens take 1.75
      VLLM_CPU_OMP_THREADS_BIND: `0-${Number(threads) - 1}`,
      VLLM_CACHE_ROOT: join(work, "vllm-cache"),
      VLLM_NO_USAGE_STATS: "1",
      DO_NOT_TRACK: "1",
    },
    model: "bench",
    extra: usageInStream,
    ignoresEnd: true,
    version: `${pythonVersions(join(home, "vllm/bin/python"), ["vllm-cpu", "torch"])}, bf16`,
  }),
};

const llama: PeerKind = {
  name: "llama.cpp",
  needs: ["llama.cpp/build/bin/llama-server", "llama.cpp/build/bin/llama-quantize", "transformers/bin/python"],
  launch: ({ home, checkpoint }, port) => {
    const folder = join(home, "llama.cpp");
    const { decoder, vision } = convertForLlama(checkpoint, join(home, "transformers/bin/python"), folder);
    const sizes = ["-t", threads, "-tb", threads, "-np", `${numSequences}`, "-c", `${2048 * numSequences}`];
    return {
      command: join(folder, "build/bin/llama-server"),
      args: [
        "-m",
        decoder,
        "--mmproj",
        vision,
        "--host",
        "127.0.0.1",
        "--port",
        port,
        ...sizes,
        "-fa",
        "on",
        "--no-ui",
      ],
      model: "bench",
      extra: usageInStream,
      ignoresEnd: true,
      version: `${firstLine(join(folder, "build/bin/llama-server"), ["--version"])}, Q4_0, vision Q8_0`,
    };
  },
};

const transformers: PeerKind = {
  name: "transformers",
  needs: ["transformers/bin/transformers"],
  launch: ({ home, checkpoint }, port) => ({
    command: join(home, "transformers/bin/transformers"),
    args: ["serve", checkpoint, "--device", "cpu", "--dtype", "bfloat16", "--host", "127.0.0.1", "--port", port],
    env: { ...offline, OMP_NUM_THREADS: threads },
    model: checkpoint,
    version: `${pythonVersions(join(home, "transformers/bin/python"), ["transformers", "torch"])}, bf16`,
  }),
};

export const otherPeers: readonly PeerKind[] = [vllm, llama, transformers];

/** What is not there of a peer, below `home`. */
export function missingOf(kind: PeerKind, home: string): readonly string[] {
  return kind.needs.filter((path) => !existsSync(join(home, path)));
}

// ----------------------------------------------------------------------------------------------------------- processes

/** A start compiles for some minutes the first time, in vLLM. */
const startLimitMs = 600_000;

/** Resolves when it answers. @throws with the end of its log when it ends before or takes too long. */
export async function startPeer(kind: PeerKind, context: PeerContext): Promise<RunningPeer> {
  const port = await freePort();
  const { command, args, env, model, extra, ignoresEnd = false, version } = kind.launch(context, String(port));
  const log = join(context.work, `${kind.name}.log`);
  const file = openSync(log, "w");
  const child = spawn(command, args, {
    detached: true,
    stdio: ["ignore", file, file],
    env: { ...process.env, ...env },
  });
  const signal = (name: NodeJS.Signals) => tryKill(child, name);
  const atExit = () => signal("SIGKILL");
  process.once("exit", atExit);
  const url = `http://127.0.0.1:${port}`;
  const peer: RunningPeer = {
    ...{ name: kind.name, url, model, ignoresEnd, version, flags: withoutFolders(args, context) },
    ...(extra && { extra }),
    peakBytes: () => peakOfGroup(child.pid!),
    async [Symbol.asyncDispose]() {
      signal("SIGTERM");
      for (let tries = 0; tries < 100 && child.exitCode === null && child.signalCode === null; tries++) await wait(100);
      signal("SIGKILL");
      process.off("exit", atExit);
    },
  };
  try {
    await answers(peer, child);
  } catch (cause) {
    await peer[Symbol.asyncDispose]();
    throw new Error(`${kind.name} did not start: ${(cause as Error).message}; the end of ${log}:\n${endOf(log)}`);
  }
  return peer;
}

/** One that runs already, of which nothing more is known. */
export async function runningAt(name: string, url: string): Promise<RunningPeer> {
  const response = await fetch(`${url}/v1/models`, { signal: AbortSignal.timeout(10_000) });
  const { data } = (await response.json()) as { data: readonly { id: string }[] };
  return {
    ...{ name, url, model: data[0]!.id, version: "runs already", flags: url },
    ...{ peakBytes: () => undefined, async [Symbol.asyncDispose]() {} },
  };
}

/** A list of models tells nothing: some servers have one before the weights are loaded. */
async function answers(server: ChatServer, child: ChildProcess): Promise<void> {
  let failure: Error | undefined;
  child.once("error", (error) => {
    failure = error;
  });
  for (const end = performance.now() + startLimitMs; performance.now() < end; await wait(250)) {
    if (failure) throw failure;
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    try {
      await ask(server, { text: "?", maxTokens: 1 });
      return;
    } catch (cause) {
      if (!/^HTTP 503|ECONNREFUSED|ECONNRESET/.test((cause as Error).message)) throw cause;
    }
  }
  throw new Error(`no answer within ${startLimitMs / 1000} s`);
}

function tryKill(child: ChildProcess, name: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, name);
  } catch {} // the group has ended
}

function peakOfGroup(group: number): number | undefined {
  let bytes: number | undefined;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name)))
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const [, , owner] = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // state, parent, group
      if (Number(owner) !== group) continue;
      const [, peak = "0"] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
      bytes = (bytes ?? 0) + Number(peak) * 1024;
    } catch {} // it has ended meanwhile
  return bytes;
}

function freePort(): Promise<number> {
  return new Promise((found, fail) => {
    const server = createServer().once("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => found(port));
    });
  });
}

// ----------------------------------------------------------------------------------------------------------- names

const offline = { HF_HUB_OFFLINE: "1", TRANSFORMERS_OFFLINE: "1" };

function versionOf(file: string): string {
  return (JSON.parse(readFileSync(join(import.meta.dirname, "../..", file), "utf8")) as { version: string }).version;
}

function pythonVersions(python: string, names: readonly string[]): string {
  const code =
    "import sys; from importlib.metadata import version; print(*[n + ' ' + version(n) for n in sys.argv[1:]], sep=', ')";
  return execFileSync(python, ["-c", code, ...names])
    .toString()
    .trim();
}

/** Of either stream: llama.cpp writes its version to stderr. */
function firstLine(command: string, args: readonly string[]): string {
  const out = execFileSync("sh", ["-c", '"$@" 2>&1', "sh", command, ...args]).toString();
  return (
    out
      .split("\n")
      .find((line) => line.startsWith("version"))
      ?.trim() ?? "version unknown"
  );
}

function withoutFolders(args: readonly string[], { home, work, checkpoint }: PeerContext): string {
  const short = args.map((arg) => (arg.startsWith("/") || arg.includes("=/") ? arg.replace(/\/.*\//, "") : arg));
  return short.filter((arg) => arg !== home && arg !== work && arg !== checkpoint).join(" ");
}

function endOf(log: string): string {
  return readFileSync(log, "utf8").slice(-2000);
}
