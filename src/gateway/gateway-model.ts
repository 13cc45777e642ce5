/**
 * A model whose answers come from a pool: made of what its engines have said of themselves, again when they say something else, and
 * with room for as many answers as they take.
 */
import { OcellusError } from "../core/base/index.js";
import type { LanguageModel, ModelInfo, ModelStats } from "../core/runtime/index.js";
import type { RoutedRequest } from "./engine.js";
import type { Pool } from "./pool.js";

/** @param abouts of the engines that were reached, in the order of the file; at least one */
export type MakeModel<A> = (abouts: readonly A[]) => LanguageModel;

export class GatewayModel<Q extends RoutedRequest, E, A> implements LanguageModel {
  readonly #pool: Pool<Q, E, A>;
  readonly #make: MakeModel<A>;
  #made: { readonly of: readonly A[]; readonly model: LanguageModel } | undefined;

  constructor(pool: Pool<Q, E, A>, make: MakeModel<A>) {
    this.#pool = pool;
    this.#make = make;
  }

  /** An engine of it was reached: it is known what the model is. */
  get isKnown(): boolean {
    return this.#made !== undefined || this.#pool.abouts.length > 0;
  }

  get info(): ModelInfo {
    // A pool that is closed has no room, and its requests are to hear of it.
    return { ...this.#model.info, maxSequences: Math.max(1, this.#slots) };
  }

  get stats(): ModelStats {
    const running = this.#pool.backends.reduce((sum, { load }) => sum + load, 0);
    return { ...this.#model.stats, running, slots: this.#slots, waiting: this.#pool.numWaiting };
  }

  get tokenizer(): LanguageModel["tokenizer"] {
    return this.#model.tokenizer;
  }

  pixelBytes(...given: Parameters<LanguageModel["pixelBytes"]>): ReturnType<LanguageModel["pixelBytes"]> {
    return this.#model.pixelBytes(...given);
  }

  prepare(...given: Parameters<LanguageModel["prepare"]>): ReturnType<LanguageModel["prepare"]> {
    return this.#model.prepare(...given);
  }

  prepareText(...given: Parameters<LanguageModel["prepareText"]>): ReturnType<LanguageModel["prepareText"]> {
    return this.#model.prepareText(...given);
  }

  generate(...given: Parameters<LanguageModel["generate"]>): ReturnType<LanguageModel["generate"]> {
    return this.#model.generate(...given);
  }

  /** The backends are the gateway's to close. */
  async close(): Promise<void> {}

  get #slots(): number {
    return this.#pool.backends.reduce((sum, { capacity }) => sum + capacity, 0);
  }

  get #model(): LanguageModel {
    const { abouts } = this.#pool;
    if (abouts.length > 0) {
      const model = this.#made && saySame(this.#made.of, abouts) ? this.#made.model : this.#make(abouts);
      this.#made = { of: abouts, model };
    }
    if (this.#made) return this.#made.model;
    throw new OcellusError("unavailable", `no backend of the model ${this.#pool.name} was reached yet`);
  }
}

/** Most often they are the same objects. */
function saySame<A>(before: readonly A[], now: readonly A[]): boolean {
  const isSame = before.length === now.length && before.every((about, i) => about === now[i]);
  return isSame || JSON.stringify(before) === JSON.stringify(now);
}
