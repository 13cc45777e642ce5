/**
 * What is trained of a model: all weights of the top blocks of its vision encoder and of its connector, which become inputs of
 * their graph, and two narrow matrices beside each chosen product of the decoder (lora.ts).
 */
import { OcellusError } from "../../core/base/index.js";
import { comingOf, type Graph, type Initializer } from "../../core/graph/index.js";
import type { LanguageFamily, Part } from "../../core/models/index.js";
import { elementCount } from "../../core/tensor/index.js";

export type TunedPart = "vision" | "connector" | "lora";

/** One input of a graph that training moves. */
export interface Parameter {
  readonly name: string;
  readonly part: TunedPart;
  readonly shape: readonly number[];
  /** Norms and biases, which have one axis, do not decay. */
  readonly decays: boolean;
  /** The model's tensors that lie in it one after another, by rows. None: an adapter's own. */
  readonly tensors: readonly string[];
}

export interface VisionChoice {
  /** Blocks of the encoder, from the top. */
  readonly blocks: number;
  readonly connector: boolean;
}

/** @throws `invalid_request` for more blocks than there are, and for parts that the model does not have. */
export function visionParameters(graph: Graph | undefined, family: LanguageFamily, choice: VisionChoice): Parameter[] {
  const { blocks, connector } = choice;
  if (blocks === 0 && !connector) return [];
  const stored = (graph?.initializers ?? []).filter(({ source }) => "tensors" in source);
  const ofPart = (part: Part) => stored.filter((each) => family.parts(tensorsOf(each)[0]!) === part);
  if (!graph) throw refused(blocks > 0 ? "blocks" : "also", "a model that reads images", "one that reads text only");
  const encoder = blocks > 0 ? topBlocks(graph, ofPart("vision"), blocks) : [];
  const joined = connector ? ofPart("connector") : [];
  if (connector && joined.length === 0) throw refused("also", "a model with a connector of its own", "none");
  return [
    ...encoder.map((each) => parameterOf(each, "vision")),
    ...joined.map((each) => parameterOf(each, "connector")),
  ];
}

/** Their weights, and those of the encoder that only what comes of them meets, such as its last norm. */
function topBlocks(graph: Graph, encoder: readonly Initializer[], blocks: number): Initializer[] {
  const depth = 1 + Math.max(-1, ...encoder.map((each) => blockOf(each) ?? -1));
  if (blocks > depth) throw refused("blocks", `0 to ${depth} blocks of the vision encoder`, String(blocks));
  const top = encoder.filter((each) => (blockOf(each) ?? -1) >= depth - blocks);
  const behind = comingOf(
    graph,
    top.map(({ value }) => value.name),
  );
  const above = encoder.filter((each) => blockOf(each) === undefined && isReadBehind(graph, each, behind));
  return [...top, ...above];
}

function isReadBehind(graph: Graph, { value }: Initializer, behind: ReadonlySet<string>): boolean {
  const readers = graph.nodes.filter(({ inputs }) => inputs.some((input) => input?.name === value.name));
  return readers.every(({ inputs }) => inputs.some((input) => input && input.name !== value.name && behind.has(input.name))); // biome-ignore format: one thought
}

/** `vision_tower.blocks.5.attn.qkv.weight` → 5 */
function blockOf(initializer: Initializer): number | undefined {
  const [, number] = /(?:^|\.)(?:blocks|layers|layer)\.(\d{1,4})\./.exec(tensorsOf(initializer)[0]!) ?? [];
  return number === undefined ? undefined : Number(number);
}

function tensorsOf({ source }: Initializer): readonly string[] {
  return "tensors" in source ? source.tensors : [];
}

function parameterOf(initializer: Initializer, part: TunedPart): Parameter {
  const shape = initializer.value.shape as readonly number[];
  const { name } = initializer.value;
  return { name, part, shape, decays: shape.length > 1, tensors: tensorsOf(initializer) };
}

function refused(field: string, expected: string, found: string): OcellusError {
  return new OcellusError("invalid_request", `${field}: expected ${expected}, found ${found}`, {
    details: { field, expected, found },
  });
}

export function numValues(parameters: readonly Parameter[], part?: TunedPart): number {
  return parameters
    .filter((each) => part === undefined || each.part === part)
    .reduce((sum, { shape }) => sum + elementCount(shape), 0);
}
