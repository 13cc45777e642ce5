/** The questions a model's description asks, answered from the shapes in its files: queries, projections, head sharing. */
import { formatShape, type TensorInfo } from "../core/tensor/index.js";
import type { Said, Sentence } from "./page/page-data.js";
import { placeOf, textTable, tokenTable } from "./place.js";
import { sentence } from "./sentence.js";

export interface Answer {
  readonly question: string;
  readonly answer: string;
  /** What the answer is made of. */
  readonly said: Said;
  /** The tensor that answers it. */
  readonly tensor: string;
}

/** Those of the questions that this checkpoint has tensors for. */
export function answers(tensors: readonly TensorInfo[], configJson: unknown): Answer[] {
  const find = (pattern: RegExp, part?: string) =>
    tensors.find(({ name }) => pattern.test(name) && (part === undefined || placeOf(name).part === part));
  const q = find(/\.0\.(self_attn|attn)\.q_proj\.weight$/, "decoder");
  const k = find(/\.0\.(self_attn|attn)\.k_proj\.weight$/, "decoder");
  const norm = find(/\.0\.(self_attn|attn)\.q_norm\.weight$/, "decoder");
  return [
    ...answer("patch", find(/patch_embed(ding)?(\.proj)?\.weight$/), patchAnswer),
    ...answer("resampler queries", find(/\.(query|queries|latents|query_tokens)$/, "connector"), queryAnswer),
    ...answer(
      "vocabulary",
      tensors.find(({ name }) => tokenTable.test(name) || textTable.test(name)),
      rowsAnswer,
    ),
    ...answer("first q_proj", q, ({ shape }) => {
      const text = formatShape(shape);
      return sentence("q_proj", { shape: text }, text);
    }),
    ...answer("query to key heads", k, (info) => q && sharing(q, info, norm?.shape[0] ?? headDim(configJson))),
  ];
}

function answer(
  question: string,
  tensor: TensorInfo | undefined,
  say: (tensor: TensorInfo) => Sentence | undefined,
): Answer[] {
  const found = tensor && say(tensor);
  if (!tensor || !found) return [];
  const { text, ...said } = found;
  return [{ question, answer: text, said, tensor: tensor.name }];
}

/** A kernel [D, 3, (frames,) p, p] */
function patchAnswer({ shape }: TensorInfo): Sentence {
  const [size, width, kernel] = [shape.slice(-2).join(" × "), shape[0]!, formatShape(shape)];
  return sentence("patch", { size, width, kernel }, `${size} pixels → ${width}, kernel ${kernel}`);
}

function queryAnswer({ shape: sizes }: TensorInfo): Sentence {
  const [count, width, shape] = [sizes.at(-2)!, sizes.at(-1)!, formatShape(sizes)];
  return sentence("queries", { count, width, shape }, `${count} queries of ${width}, ${shape}`);
}

function rowsAnswer({ shape }: TensorInfo): Sentence {
  const [count, width] = [shape[0]!, shape[1]!];
  return sentence("vocabulary", { count, width }, `${count} tokens of ${width}`);
}

/** How many query heads read one key head: the rows of q_proj over those of k_proj. */
function sharing(q: TensorInfo, k: TensorInfo, width: number | undefined): Sentence | undefined {
  const ratio = q.shape[0]! / k.shape[0]!;
  if (!Number.isInteger(ratio)) return undefined;
  const of = width ? { queries: q.shape[0]! / width, keys: k.shape[0]! / width, width } : undefined;
  const heads = of ? ` (${of.queries} heads of queries, ${of.keys} of keys, ${width} wide)` : "";
  const text = ratio === 1 ? `1 : 1, every head its own${heads}` : `${ratio} : 1, grouped${heads}`;
  return sentence("heads", { ratio, of }, text);
}

function headDim(configJson: unknown): number | undefined {
  const config = configJson as { head_dim?: unknown; text_config?: { head_dim?: unknown } } | undefined;
  const found = config?.text_config?.head_dim ?? config?.head_dim;
  return typeof found === "number" && found > 0 ? found : undefined;
}
