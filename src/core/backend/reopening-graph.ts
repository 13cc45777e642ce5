/**
 * A graph without a state between runs, which is opened again when the thread that it runs on was lost. What ran on that thread
 * fails; what is asked afterwards runs on another. A graph that kills its threads again and again stays lost.
 */
import type { Device } from "./device.js";
import type { Graph, Results } from "./graph.js";
import type { DeviceTensor, Feeds } from "./tensors.js";

/** A graph that can be lost, with all that it was asked. */
export interface LosableGraph extends Graph {
  readonly isLost: boolean;
}

/** A picture that kills its thread may come again, with every retry of a client; each thread costs a model's loading. */
const mostReopenings = 3;
const within = 10 * 60_000;

export class ReopeningGraph implements Graph {
  readonly device: Device;
  readonly #open: () => Promise<LosableGraph>;
  readonly #now: () => number;
  #graph: LosableGraph;
  #opening: Promise<void> | undefined;
  #openedAt: number[] = [];
  #isClosed = false;

  /** @param now in milliseconds; tests. */
  private constructor(graph: LosableGraph, open: () => Promise<LosableGraph>, now: () => number) {
    this.device = graph.device;
    this.#graph = graph;
    this.#open = open;
    this.#now = now;
  }

  static async open(open: () => Promise<LosableGraph>, now: () => number = performance.now.bind(performance)) {
    return new ReopeningGraph(await open(), open, now);
  }

  /** @throws as the graph, for what was lost with it, and for all when it was lost too often. */
  async run(feeds: Feeds, outputs: Readonly<Record<string, DeviceTensor | null>>): Promise<Results> {
    if (this.#graph.isLost && this.#mayReopen()) {
      this.#opening ??= this.#reopen().finally(() => {
        this.#opening = undefined;
      });
      await this.#opening;
    }
    return this.#graph.run(feeds, outputs);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#opening?.catch(() => {});
    await this.#graph.close();
  }

  #mayReopen(): boolean {
    this.#openedAt = this.#openedAt.filter((at) => at > this.#now() - within);
    return !this.#isClosed && (this.#opening !== undefined || this.#openedAt.length < mostReopenings);
  }

  async #reopen(): Promise<void> {
    this.#openedAt.push(this.#now());
    const lost = this.#graph;
    this.#graph = await this.#open();
    await lost.close();
  }
}
