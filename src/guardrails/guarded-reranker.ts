/** A model that judges documents, behind the guardrails: each text and each image goes through them. */
import type { CountedScores, RerankerInput, RerankerModel, RerankOptions } from "../core/runtime/index.js";
import { admittedParts, admittedText, type Gatekeeper } from "./admitted.js";

export class GuardedReranker {
  readonly #model: RerankerModel;
  readonly #guards: Gatekeeper;

  constructor(model: RerankerModel, guards: Gatekeeper) {
    this.#model = model;
    this.#guards = guards;
  }

  get info() {
    return this.#model.info;
  }

  close(): Promise<void> {
    return this.#model.close();
  }

  /** @throws as the model's, `blocked`, `unavailable`. */
  async score(
    query: RerankerInput,
    documents: readonly RerankerInput[],
    { instruction, ...options }: RerankOptions = {},
  ): Promise<CountedScores> {
    const admit = (input: RerankerInput) => admittedParts(input, this.#model, this.#guards, options);
    const sides = await Promise.all([query, ...documents].map(admit));
    const said = instruction && (await admittedText(instruction, this.#model, this.#guards, options));
    return this.#model.scoreCounted(sides[0]!, sides.slice(1), { ...options, ...(said && { instruction: said }) });
  }
}
