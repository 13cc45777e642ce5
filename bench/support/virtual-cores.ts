/**
 * Cores in virtual time, shared evenly by what runs: schedules are compared without the noise of a busy machine. What a step
 * takes is given; the engine is the real one.
 */
import { Semaphore } from "../../src/core/base/index.js";
import { type Batch, Engine, type ModelRunner } from "../../src/core/engine/index.js";

/** Milliseconds on idle cores. */
export interface Costs {
  readonly image: number;
  readonly promptToken: number;
  /** Of a prefill step beside its tokens: the weights are read once. */
  readonly promptStep: number;
  /** Of a decode step by its rows, from none on. */
  readonly decode: readonly number[];
}

interface Work {
  left: number;
  readonly done: () => void;
}

export class VirtualCores {
  now = 0;
  readonly #running = new Set<Work>();

  work(ms: number): Promise<void> {
    return new Promise((done) => this.#running.add({ left: ms, done }));
  }

  /** Lets time pass until that is settled. */
  async until(end: Promise<unknown>): Promise<void> {
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    end.then(over, over);
    while (!isOver) {
      await new Promise((resolve) => setImmediate(resolve)); // all that can run without the cores has run
      this.#pass();
    }
  }

  /** To the end of what ends first. */
  #pass(): void {
    const works = [...this.#running];
    if (works.length === 0) return;
    const least = Math.min(...works.map(({ left }) => left));
    this.now += least * works.length;
    for (const work of works) {
      work.left -= least;
      if (work.left > 0) continue;
      this.#running.delete(work);
      work.done();
    }
  }
}

export interface VirtualLoad {
  readonly clients: number;
  readonly requests: number;
  readonly tokens: number;
  readonly promptLength: number;
  readonly sharedChunk: number;
}

export interface PaceFigures {
  /** Tokens a second of each answer. */
  readonly paces: readonly number[];
  readonly firstTokenMs: readonly number[];
  readonly longestPauseMs: number;
  /** Of all answers together. */
  readonly tokensPerSecond: number;
}

/** Clients that each ask about a new image when their last question is answered. */
export async function simulate(costs: Costs, load: VirtualLoad): Promise<PaceFigures> {
  const cores = new VirtualCores();
  const reading = new Semaphore(1);
  const { clients, tokens, sharedChunk } = load;
  const engine = new Engine(runnerOf(cores, costs, clients), { reading, sharedChunk, now: () => cores.now });
  const times: number[][] = [];
  let next = 0;
  const client = async () => {
    while (next++ < load.requests) {
      const own = [cores.now];
      times.push(own);
      await reading.run(() => cores.work(costs.image));
      const promptIds = new Array<number>(load.promptLength).fill(1);
      const asked = { promptIds, payload: {}, sampling: { temperature: 0 }, maxTokens: tokens, stopTokenIds: [] };
      for await (const _ of engine.submit(asked)) own.push(cores.now);
    }
  };
  await cores.until(Promise.all(Array.from({ length: clients }, client)));
  const pauses = times.flatMap((own) => own.slice(2).map((at, i) => at - own[i + 1]!));
  return {
    paces: times.map((own) => (1000 * (tokens - 1)) / (own.at(-1)! - own[1]!)),
    firstTokenMs: times.map((own) => own[1]! - own[0]!),
    longestPauseMs: Math.max(...pauses),
    tokensPerSecond: (1000 * tokens * times.length) / cores.now,
  };
}

function runnerOf(cores: VirtualCores, costs: Costs, numSlots: number): ModelRunner<object> {
  const logits = new Float32Array([0, 0, 1]);
  return {
    ...{ numSlots, maxLength: 4096, vocabSize: logits.length },
    async step({ kind, rows }: Batch<object>) {
      const numTokens = rows.length * Math.max(...rows.map((row) => row.tokens.length));
      await cores.work(
        kind === "decode" ? costs.decode[rows.length]! : costs.promptStep + costs.promptToken * numTokens,
      );
      return rows.filter((row) => row.numLogits > 0).map(() => logits.slice());
    },
    release() {},
  };
}
