/**
 * Keys and values of all running sequences in the memory of a WebGPU device: as in kv-cache.ts per layer two buffers
 * [slots, kv_heads, capacity, head_dim] that a step writes in place. A device buffer can be lent from its start only, so
 * slots 0, 1, … are a view of it, and a later slot alone is copied to a buffer of its own for the step and then back, all
 * on the device. Untouched memory costs here too: buffers grow in slots as well as in tokens.
 */
import { invariant } from "../base/index.js";
import type { GraphBuilder } from "../graph/index.js";
import type { DeviceMemory, Graph } from "./graph.js";
import {
  type CacheBinding,
  grownCapacity,
  type KvCacheShape,
  type KvSpec,
  kvBuffers,
  nameBuffers,
  type SlotCache,
  type SlotRun,
  type StepLengths,
  type StepResults,
} from "./slot-cache.js";
import { smallModel } from "./small-graph.js";
import { type DeviceTensor, type Feeds, float32, int64 } from "./tensors.js";

/** Copies on the device. */
interface Copies {
  /** old, pads → grown: the same values in a larger buffer, zeros elsewhere. */
  readonly grow: Graph;
  /** all.N, slot → one.N */
  readonly take: Graph;
  /** all.N, one.N, slot → written.N, which the caller lays over all.N */
  readonly put: Graph;
}

export class DeviceKvCache implements SlotCache {
  readonly batchesAnywhere = false;
  readonly #shape: KvCacheShape;
  readonly #memory: DeviceMemory;
  #copies: Promise<Copies> | undefined;
  #numSlots = 0;
  #capacity = 0;
  /** Per layer: keys, values of all slots. */
  #all: DeviceTensor[] = [];
  /** The same for the one slot that is lent alone. */
  #one: DeviceTensor[] = [];

  constructor(shape: KvCacheShape, memory: DeviceMemory) {
    this.#shape = shape;
    this.#memory = memory;
  }

  get bytes(): number {
    return [...this.#all, ...this.#one].reduce((sum, { size }) => sum + size * Float32Array.BYTES_PER_ELEMENT, 0);
  }

  async use(
    slots: SlotRun,
    lengths: StepLengths,
    step: (binding: CacheBinding) => Promise<StepResults>,
  ): Promise<StepResults> {
    const { first, count } = slots;
    invariant(first + count <= this.#shape.numSlots && (first === 0 || count === 1), `no slots ${first}+${count}`);
    await this.#reserve(first + count, lengths.length);
    if (first === 0) return step(this.#inPlace(this.#all.map((all) => this.#memory.firstRows(all, count))));
    const { take, put } = await this.#openCopies();
    const all = numbered("all", this.#all);
    await take.run({ ...all, slot: int64([first]) }, numbered("one", this.#one));
    const result = await step(this.#inPlace(this.#one));
    const feeds = { ...all, ...numbered("one", this.#one), slot: int64([first], [1, 1]) };
    await put.run(feeds, numbered("written", this.#all));
    return result;
  }

  async close(): Promise<void> {
    for (const buffer of [...this.#all, ...this.#one]) buffer.dispose();
    this.#all = [];
    this.#one = [];
    this.#numSlots = this.#capacity = 0;
    if (!this.#copies) return;
    const { grow, take, put } = await this.#copies;
    this.#copies = undefined;
    await Promise.all([grow.close(), take.close(), put.close()]);
  }

  /** Grows buffer by buffer, so that no more than one is there twice. */
  async #reserve(numSlots: number, length: number): Promise<void> {
    const capacity = grownCapacity(this.#capacity, length, this.#shape);
    const slots = grownSlots(this.#numSlots, numSlots, this.#shape);
    if (capacity === this.#capacity && slots === this.#numSlots) return;
    for (const [i, spec] of kvBuffers(this.#shape).entries()) {
      this.#all[i] = await this.#grown(this.#all[i], spec, slots, capacity);
      if (slots > 1) this.#one[i] = await this.#grown(this.#one[i], spec, 1, capacity);
    }
    this.#numSlots = slots;
    this.#capacity = capacity;
  }

  async #grown(
    old: DeviceTensor | undefined,
    { kvHeads, headDim }: KvSpec,
    slots: number,
    capacity: number,
  ): Promise<DeviceTensor> {
    const from = old ?? float32(new Float32Array(0), [0, kvHeads, 0, headDim]);
    if (from.dims[0] === slots && from.dims[2] === capacity) return from;
    const { grow } = await this.#openCopies();
    const pads = int64([0, 0, 0, 0, slots - from.dims[0]!, 0, capacity - from.dims[2]!, 0]);
    const { grown } = await grow.run({ old: from, pads }, { grown: null });
    old?.dispose();
    return grown!;
  }

  /** The same tensors twice: GroupQueryAttention appends in place, and nothing leaves the device. */
  #inPlace(buffers: readonly DeviceTensor[]): CacheBinding {
    const specs = kvBuffers(this.#shape);
    return { past: nameBuffers("past_key_values", specs, buffers), outputs: nameBuffers("present", specs, buffers) };
  }

  #openCopies(): Promise<Copies> {
    this.#copies ??= openCopies(this.#shape, this.#memory);
    return this.#copies;
  }
}

function numbered(name: string, buffers: readonly DeviceTensor[]): Feeds {
  return Object.fromEntries(buffers.map((buffer, i) => [`${name}.${i}`, buffer]));
}

/** Slots to have when `needed` are: twice as many as before, up to the limit. */
function grownSlots(slots: number, needed: number, { numSlots }: KvCacheShape): number {
  return needed <= slots ? slots : Math.min(Math.max(needed, 2 * slots), numSlots);
}

function buffer(builder: GraphBuilder, name: string, slots: string | number, { kvHeads, headDim }: KvSpec) {
  return builder.input(name, "f32", [slots, kvHeads, "capacity", headDim]);
}

async function openCopies(shape: KvCacheShape, memory: DeviceMemory): Promise<Copies> {
  const specs = [...kvBuffers(shape).entries()];
  type Build = (builder: GraphBuilder) => void;
  const open = (name: string, build: Build, keepsOutputs = false) =>
    memory.open(smallModel(name, build), { keepsOutputs });
  const grow = await open(
    "grow",
    (builder) => {
      const old = builder.input("old", "f32", ["slots", "kv_heads", "capacity", "head_dim"]);
      const pads = builder.input("pads", "i64", [8]);
      builder.output("grown", builder.root.op("Pad", [old, pads]));
    },
    true,
  );
  const take = await open("take", (builder) => {
    const slot = builder.input("slot", "i64", [1]);
    for (const [i, spec] of specs) {
      const all = buffer(builder, `all.${i}`, "slots", spec);
      builder.output(`one.${i}`, builder.root.op("Gather", [all, slot]));
    }
  });
  const put = await open("put", (builder) => {
    const slot = builder.input("slot", "i64", [1, 1]);
    for (const [i, spec] of specs) {
      const [all, one] = [buffer(builder, `all.${i}`, "slots", spec), buffer(builder, `one.${i}`, 1, spec)];
      builder.output(`written.${i}`, builder.root.op("ScatterND", [all, slot, one]));
    }
  });
  return { grow, take, put };
}
