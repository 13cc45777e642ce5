/** The questions a model's description asks, answered from the shapes in its files: queries, projections, head sharing. */
import { formatShape, type TensorInfo } from "../core/tensor/index.js";
import { placeOf, textTable, tokenTable } from "./place.js";

export interface Answer {
  readonly question: string;
  readonly answer: string;
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
    ...answer("first q_proj", q, ({ shape }) => formatShape(shape)),
    ...answer("query to key heads", k, (info) => q && sharing(q, info, norm?.shape[0] ?? headDim(configJson))),
  ];
}

function answer(
  question: string,
  tensor: TensorInfo | undefined,
  say: (tensor: TensorInfo) => string | undefined,
): Answer[] {
  const text = tensor && say(tensor);
  return tensor && text !== undefined ? [{ question, answer: text, tensor: tensor.name }] : [];
}

/** A kernel [D, 3, (frames,) p, p] */
function patchAnswer({ shape }: TensorInfo): string {
  return `${shape.slice(-2).join(" × ")} pixels → ${shape[0]}, kernel ${formatShape(shape)}`;
}

function queryAnswer({ shape }: TensorInfo): string {
  return `${shape.at(-2)} queries of ${shape.at(-1)}, ${formatShape(shape)}`;
}

function rowsAnswer({ shape }: TensorInfo): string {
  return `${shape[0]} tokens of ${shape[1]}`;
}

/** How many query heads read one key head: the rows of q_proj over those of k_proj. */
function sharing(q: TensorInfo, k: TensorInfo, dim: number | undefined): string | undefined {
  const ratio = q.shape[0]! / k.shape[0]!;
  if (!Number.isInteger(ratio)) return undefined;
  const heads = dim ? ` (${q.shape[0]! / dim} heads of queries, ${k.shape[0]! / dim} of keys, ${dim} wide)` : "";
  return ratio === 1 ? `1 : 1, every head its own${heads}` : `${ratio} : 1, grouped${heads}`;
}

function headDim(configJson: unknown): number | undefined {
  const config = configJson as { head_dim?: unknown; text_config?: { head_dim?: unknown } } | undefined;
  const found = config?.text_config?.head_dim ?? config?.head_dim;
  return typeof found === "number" && found > 0 ? found : undefined;
}
