/**
 * A graph without a state between runs, which is opened again when the thread that it runs on was lost. What ran on that thread
 * fails; what is asked afterwards runs on another. A graph that kills its threads again and again stays lost.
 */
import { Reopenings } from "../base/index.js";
import type { Device } from "./device.js";
import type { Graph, Results } from "./graph.js";
import type { DeviceTensor, Feeds } from "./tensors.js";

/** A graph that can be lost, with all that it was asked. */
export interface LosableGraph extends Graph {
  readonly isLost: boolean;
}

export class ReopeningGraph implements Graph {
  readonly device: Device;
  readonly #open: () => Promise<LosableGraph>;
  readonly #reopenings: Reopenings;
  #graph: LosableGraph;
  #opening: Promise<void> | undefined;
  #isClosed = false;

  /** @param now in milliseconds; tests. */
  private constructor(graph: LosableGraph, open: () => Promise<LosableGraph>, now?: () => number) {
    this.device = graph.device;
    this.#graph = graph;
    this.#open = open;
    this.#reopenings = new Reopenings(now);
  }

  static async open(open: () => Promise<LosableGraph>, now?: () => number) {
    return new ReopeningGraph(await open(), open, now);
  }

  /** @throws as the graph, for what was lost with it, and for all when it was lost too often. */
  async run(feeds: Feeds, outputs: Readonly<Record<string, DeviceTensor | null>>): Promise<Results> {
    if (this.#graph.isLost && !this.#isClosed) {
      if (!this.#opening && this.#reopenings.take())
        this.#opening = this.#reopen().finally(() => {
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

  async #reopen(): Promise<void> {
    const lost = this.#graph;
    this.#graph = await this.#open();
    await lost.close();
  }
}
