/**
 * How much four bits in one matrix change what a model says: on calibration conversations, the Kullback–Leibler divergence
 * of its next-token distributions from those of the same model in int8, with this matrix alone in int4. All is
 * measured in one session of an int8 packing with int4 twins (twins.ts), which is in the cache meanwhile.
 */

import { type Feeds, float32, GraphSession, type Probe } from "../core/backend/index.js";
import { OcellusError, throwIfAborted } from "../core/base/index.js";
import { withTemporaryFolder } from "../core/fs/index.js";
import type { Graph } from "../core/graph/index.js";
import { type PackProgress, pack, parsePlan } from "../core/pack/index.js";
import type { ChatMessage } from "../core/processor/index.js";
import { loadWith, type PreparedChat, type VisionLanguageModel } from "../core/runtime/index.js";
import { divergence } from "./divergence.js";
import { energyName, productsOf, switchNames, withTwins } from "./twins.js";

/** Of one matrix, or of several that are stacked into one product. */
export interface Sensitivity {
  /** Canonical name of the first. */
  readonly tensor: string;
  /** Mean over all tokens of the answers, in nats, with this matrix in int4 in blocks of 32. */
  readonly kl: number;
  /** Σ x² of each input channel [columns] over all that the matrix was multiplied with. */
  readonly energies: Float32Array;
}

export interface SensitivityOptions {
  readonly signal?: AbortSignal;
  readonly onPackProgress?: (progress: PackProgress) => void;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Tokens of each answer: enough to see the prompt's effect, few enough for models that take seconds a token. */
const maxTokens = 8;

/** @throws as `loadModel` and `chat`; `invalid_request` without conversations. */
export async function measureSensitivity(
  path: string,
  conversations: readonly (readonly ChatMessage[])[],
  options: SensitivityOptions = {},
): Promise<Sensitivity[]> {
  if (conversations.length === 0)
    throw new OcellusError("invalid_request", "no conversations to calibrate on", {
      details: { field: "conversations", found: 0 },
    });
  const { signal, onPackProgress } = options;
  return withTemporaryFolder("sensitivity", async (folder) => {
    const switchboards = new Map<string, Switchboard>();
    const rewrite = (graph: Graph) => {
      switchboards.set(graph.name, new Switchboard(graph));
      return withTwins(graph);
    };
    const common = { ...(signal && { signal }) };
    const progress = { ...(onPackProgress && { onProgress: onPackProgress }) };
    const plan = parsePlan("int8");
    const { path: packed } = await pack(path, { plan, rewrite, into: `${folder}/twins`, ...common, ...progress });
    const model = await loadWith(
      (found, name, session) =>
        GraphSession.open(found.graphPath(name), { ...session, probe: switchboards.get(name)! }),
      packed,
      { device: "cpu", maxSequences: 1, memory: { encoderCacheBytes: 0, prefixCacheBytes: 0 }, ...common },
    );
    try {
      return await measure(model, conversations, [...switchboards.values()], options);
    } finally {
      await model.close();
    }
  });
}

/** Which twin counts in each product of a graph, and what came by. */
class Switchboard implements Probe {
  readonly graph: string;
  readonly tensors: readonly string[];
  readonly outputs: readonly string[];
  readonly energies = new Map<string, Float32Array>();
  /** The product in int4; none: all are in int8. */
  chosen: number | undefined;

  constructor(graph: Graph) {
    this.graph = graph.name;
    this.tensors = productsOf(graph).map(({ tensor }) => tensor);
    this.outputs = this.tensors.map((_, n) => energyName(n));
  }

  feeds(): Feeds {
    const pairs = this.tensors.flatMap((_, n) => {
      const { int8, int4 } = switchNames(n);
      return n === this.chosen
        ? [[int8, off] as const, [int4, on] as const]
        : [[int8, on] as const, [int4, off] as const];
    });
    return Object.fromEntries(pairs);
  }

  /** Only what the model sees undisturbed. */
  take(results: Readonly<Record<string, { readonly data: unknown }>>): void {
    if (this.chosen !== undefined) return;
    for (const [n, tensor] of this.tensors.entries()) {
      const values = results[energyName(n)]!.data as Float32Array;
      const sum = this.energies.get(tensor);
      if (sum) for (const [k, value] of values.entries()) sum[k]! += value;
      else this.energies.set(tensor, values.slice());
    }
  }
}

const [on, off] = [1, 0].map((value) => float32(Float32Array.of(value), [1])) as [Feeds[string], Feeds[string]];

/** A conversation, what was answered to it, and the logits before each token of that. */
interface Reference {
  readonly messages: readonly ChatMessage[];
  readonly prepared: PreparedChat;
  readonly ids: readonly number[];
  readonly logits: readonly Float32Array[];
}

async function measure(
  model: VisionLanguageModel,
  conversations: readonly (readonly ChatMessage[])[],
  switchboards: readonly Switchboard[],
  { signal, onProgress }: SensitivityOptions,
): Promise<Sensitivity[]> {
  const products = switchboards.flatMap((board) => board.tensors.map((tensor, n) => ({ board, tensor, n })));
  const total = (products.length + 1) * conversations.length;
  let done = 0;
  const advance = () => {
    throwIfAborted(signal);
    onProgress?.(++done, total);
  };
  const references: Reference[] = [];
  for (const messages of conversations) {
    references.push(await referenceOf(model, messages));
    advance();
  }
  const found: Sensitivity[] = [];
  for (const { board, tensor, n } of products) {
    board.chosen = n;
    const kl = await meanDivergence(model, references, board.graph === "vision", advance);
    board.chosen = undefined;
    found.push({ tensor, kl, energies: board.energies.get(tensor)! });
  }
  return found;
}

async function referenceOf(model: VisionLanguageModel, messages: readonly ChatMessage[]): Promise<Reference> {
  const { tokens } = await model.answer(messages, { maxTokens, sampling: { temperature: 0 } });
  const ids = tokens.map(({ tokenId }) => tokenId);
  const prepared = await model.prepare(messages);
  const logits: Float32Array[] = [];
  for await (const step of model.score(prepared, ids)) logits.push(step.slice());
  return { messages, prepared, ids, logits };
}

async function meanDivergence(
  model: VisionLanguageModel,
  references: readonly Reference[],
  seesImages: boolean,
  advance: () => void,
): Promise<number> {
  let [sum, count] = [0, 0];
  for (const { messages, prepared, ids, logits } of references) {
    const seen = seesImages ? await model.prepare(messages) : prepared;
    let at = 0;
    for await (const step of model.score(seen, ids)) sum += divergence(logits[at++]!, step).kl;
    count += at;
    advance();
  }
  return sum / count;
}
