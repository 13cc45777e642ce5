/** Real engines, started as the benchmark beside other servers starts them, with a small checkpoint of random weights. */
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missingOf, otherPeers, type PeerKind, type RunningPeer, startPeer } from "../../bench/peers/servers.js";
import { prepareCheckpoint } from "../../bench/support/whole-checkpoint.js";
import type { EngineKind } from "../../src/engines/index.js";

export interface RealEngine {
  readonly name: string;
  readonly kind: EngineKind;
  /** What it needs beside its flags in the benchmark. */
  readonly flags: readonly string[];
}

export const realEngines: readonly RealEngine[] = [
  { name: "vllm", kind: "vllm", flags: ["--enable-auto-tool-choice", "--tool-call-parser", "hermes"] },
  { name: "llama.cpp", kind: "llama-server", flags: ["--metrics"] },
  { name: "transformers", kind: "openai", flags: [] },
];

/** Where `bash bench/peers/install.sh FOLDER NAME` put them. */
export const peersHome = process.env.OCELLUS_BENCH_PEERS ?? join(tmpdir(), "ocellus-peers");

export function isInstalled(name: string): boolean {
  const peer = otherPeers.find((each) => each.name === name);
  return peer !== undefined && missingOf(peer, peersHome).length === 0;
}

/** @throws with the end of its log when it does not start */
export async function startEngine({ name, flags }: RealEngine): Promise<RunningPeer & { readonly checkpoint: string }> {
  const work = process.env.OCELLUS_ENGINES_WORK ?? join(tmpdir(), "ocellus-engines");
  mkdirSync(work, { recursive: true });
  const peer = otherPeers.find((each) => each.name === name)!;
  const flagged: PeerKind = {
    ...peer,
    launch: (context, port) => {
      const launch = peer.launch(context, port);
      return { ...launch, args: [...launch.args, ...flags] };
    },
  };
  const checkpoint = prepareCheckpoint(work, "small");
  const running = await startPeer(flagged, { home: peersHome, work, checkpoint });
  return { ...running, checkpoint, model: name === "llama.cpp" ? await onlyModel(running.url) : running.model };
}

/** llama-server names its model by its file. */
async function onlyModel(url: string): Promise<string> {
  const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string }[] };
  return data[0]!.id;
}
