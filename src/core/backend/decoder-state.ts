/**
 * What a decoder with recurrent layers keeps of its sequences: keys and values of its other layers in a KV cache, and states.
 * A state is of all tokens so far: it cannot be cut back, so nothing is saved by tokens here.
 */
import { RecurrentStates } from "./recurrent-states.js";
import type { CacheBinding, CacheRoom, KvCacheShape, SlotCache, SlotRun, StepResults } from "./slot-cache.js";

export class DecoderState implements SlotCache {
  readonly batchesAnywhere: boolean;
  readonly #kv: SlotCache;
  readonly #states: RecurrentStates;

  constructor(kv: SlotCache, shape: KvCacheShape) {
    this.#kv = kv;
    this.#states = new RecurrentStates(shape);
    this.batchesAnywhere = kv.batchesAnywhere;
  }

  get bytes(): number {
    return this.#kv.bytes + this.#states.bytes;
  }

  use(slots: SlotRun, room: CacheRoom, step: (binding: CacheBinding) => Promise<StepResults>): Promise<StepResults> {
    return this.#kv.use(slots, room, async ({ past, outputs }) => {
      const states = this.#states.bind(slots, room.added);
      const results = await step({ past: { ...past, ...states.past }, outputs: { ...outputs, ...states.outputs } });
      this.#states.take(results, slots.first, room.added);
      return results;
    });
  }

  async close(): Promise<void> {
    this.#states.close();
    await this.#kv.close();
  }
}
