/** Models that are loaded for as long as the server runs, and further providers behind them, as one provider. */
import type { AnyModel, Caller, Lease, ListedModel, ModelProvider, ProvidedModel } from "./model-provider.js";

export class ModelPool implements ModelProvider {
  readonly #models = new Map<string, ProvidedModel>();
  readonly #providers: ModelProvider[] = [];

  /** @param models by their names; the first that answers is meant where a request names none */
  constructor(models: Readonly<Record<string, AnyModel>> = {}) {
    for (const [id, model] of Object.entries(models)) this.add(id, model);
  }

  /** @param checkpoint the folder that was packed, to be described; without it the packed one is */
  add(id: string, model: AnyModel, checkpoint?: string): void {
    this.#models.set(id, { id, model, checkpoint });
  }

  /** Asked for what is not found in the pool, or in a provider before it. */
  use(provider: ModelProvider): void {
    this.#providers.push(provider);
  }

  async resolve(name: string, caller: Caller): Promise<Lease | undefined> {
    const own = this.#models.get(name);
    if (own) return { ...own, release() {} };
    for (const provider of this.#providers) {
      const lease = await provider.resolve(name, caller);
      if (lease) return lease;
    }
    return undefined;
  }

  list(): readonly ListedModel[] {
    return [...this.#models.values(), ...this.#providers.flatMap((provider) => provider.list())];
  }

  /** Closes what was added; providers close what is theirs. */
  async close(): Promise<void> {
    for (const { model } of this.#models.values()) await model.close();
  }
}
