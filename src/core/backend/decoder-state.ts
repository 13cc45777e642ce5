/**
 * What a decoder with recurrent layers keeps of its sequences: keys and values of its other layers in a KV cache, and states.
 * A state is of all tokens so far: it cannot be cut back, so what is saved of a slot by tokens is of use with its states only.
 */
import { RecurrentStates } from "./recurrent-states.js";
import type { KvCacheShape, SlotCache } from "./slot-cache.js";

export function decoderState(kv: SlotCache, shape: KvCacheShape): SlotCache {
  const states = new RecurrentStates(shape);
  return {
    get bytes() {
      return kv.bytes + states.bytes;
    },
    batchesAnywhere: kv.batchesAnywhere,
    use: (slots, lengths, step) =>
      kv.use(slots, lengths, async ({ past, outputs }) => {
        const lent = states.bind(slots, lengths.added);
        const results = await step({ past: { ...past, ...lent.past }, outputs: { ...outputs, ...lent.outputs } });
        states.take(results, slots.first, lengths.added);
        return results;
      }),
    ...(kv.save && {
      save: (...range) => kv.save!(...range),
      restore: (...saved) => kv.restore!(...saved),
      saveStates: (slot) => states.save(slot),
      restoreStates: (slot, values) => states.restore(slot, values),
    }),
    close: async () => {
      states.close();
      await kv.close();
    },
  };
}
