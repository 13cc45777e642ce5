/** What `ocellus inspect` prints of a description: a head line, the parts, the tree, and what is worth knowing. */
import { formatBytes, formatCount } from "../../core/base/index.js";
import { formatShape } from "../../core/tensor/index.js";
import type { CheckpointDescription, FamilyFit, Head } from "../../inspect/index.js";
import type { coloursFor } from "./terminal.js";
import { textTable } from "./text-layout.js";
import { treeRows } from "./tree-text.js";

type Colours = ReturnType<typeof coloursFor>;

/** A hundred shards, or a model of wrong names, would fill the screen; --json has them all. */
const maxListed = 8;

/** The whole text, in blocks with an empty line between. */
export function descriptionText(description: CheckpointDescription, depth: number, colours: Colours): string {
  const tree = textTable(treeRows(description.tree, depth), ["left", "left", "right", "right"]);
  const blocks = [
    titleText(description, colours),
    partsText(description, colours),
    tree,
    factsText(description, colours),
  ];
  return blocks.filter((block) => block !== "").join("\n\n");
}

function titleText(description: CheckpointDescription, { bold, dim, yellow }: Colours): string {
  const { path, config, files, format, numTensors, sizeBytes, dtypes } = description;
  const kind = config.modelType ?? "no model_type";
  const place = `${numTensors} tensors in ${files.length === 1 ? `one ${format} file` : `${files.length} ${format} files`}`;
  const sizes = [parametersText(description), formatBytes(sizeBytes), dtypes.map((d) => d.dtype).join(" + ")];
  return [
    bold(path),
    [config.state === "packed" ? `${kind}, packed` : kind, ...sizes, place].join(" · "),
    ...(config.problem === undefined ? [] : [yellow(config.problem)]),
    ...(files.length > 1 ? [dim(filesText(files))] : []),
  ].join("\n");
}

function filesText(files: CheckpointDescription["files"]): string {
  const shown = files.slice(0, maxListed).map((f) => `${f.name} ${formatBytes(f.sizeBytes)}`);
  return [...shown, ...(files.length > maxListed ? [`and ${files.length - maxListed} more`] : [])].join("  ");
}

function parametersText({ config, numParameters, numDistinctParameters }: CheckpointDescription): string {
  if (config.state === "packed") return `${formatCount(numParameters)} stored values`;
  const copy = numParameters === numDistinctParameters ? "" : ` (${formatCount(numParameters)} with the head's copy)`;
  return `${formatCount(numDistinctParameters)} parameters${copy}`;
}

/** Width of the bar that stands for all parameters. */
const barWidth = 30;

function partsText({ parts, numParameters }: CheckpointDescription, { cyan, dim }: Colours): string {
  const rows = parts.map((part) => {
    const share = part.numParameters / Math.max(1, numParameters);
    return [
      part.title,
      part.numLayers > 1 ? `×${part.numLayers}` : "",
      formatCount(part.numParameters),
      formatBytes(part.sizeBytes),
      `${(share * 100).toFixed(1)} %`,
      cyan("█".repeat(Math.round(share * barWidth))) || dim("▏"),
    ];
  });
  return textTable(rows, ["left", "right", "right", "right", "right"]);
}

function factsText(description: CheckpointDescription, colours: Colours): string {
  const { fit, head, answers, notes } = description;
  return textTable([
    ...(fit ? fitRows(fit, colours) : []),
    ...(head ? [["head", headText(head, colours)]] : []),
    ...answers.map(({ question, answer }) => [question, answer]),
    ...notes.map((note) => ["note", note]),
  ]);
}

function fitRows(fit: FamilyFit, { green, red, yellow, dim }: Colours): string[][] {
  const hint = (nearest?: string) => (nearest === undefined ? "" : dim(`  nearest: ${nearest}`));
  const rows = [
    ...listed("missing", fit.missing, (t) => red(`${t.name} ${formatShape(t.shape)}`) + hint(t.nearest)),
    ...listed("misshapen", fit.misshapen, (t) =>
      red(`${t.name}: expected ${formatShape(t.expected)}, found ${formatShape(t.found)}`),
    ),
    ...listed("twice", fit.twice, (t) => red(`${t.name}: ${t.spellings.join(" and ")}`)),
  ];
  const whole = [["whole", green(`all ${fit.numWanted} tensors of the family are there, in their shapes`)]];
  const unused = listed("unused", fit.unused, (tensor) => {
    const text = `${tensor.name} ${formatShape(tensor.shape)}, ${formatBytes(tensor.sizeBytes)}`;
    const why = unusedReasons[tensor.reason];
    const shown = { unknown: yellow, takes_part: red } as const;
    const colour = tensor.reason in shown ? shown[tensor.reason as keyof typeof shown] : String;
    return `${colour(text)}${dim(`: ${why}`)}${hint(tensor.nearest)}`;
  });
  return [...(rows.length === 0 ? whole : rows), ...unused];
}

const unusedReasons = {
  aside: "left aside, as the reference does",
  tied_head: "a head beside the table that is used for it",
  static_positions: "a static table; positions come from rotary embedding",
  constant: "a stored constant, computed anew",
  takes_part: "takes part in the reference's sums, so loading refuses it",
  unknown: "read by no graph of this family",
} as const;

function listed<T>(title: string, items: readonly T[], text: (item: T) => string): string[][] {
  const rows = items.slice(0, maxListed).map((item, i) => [i === 0 ? title : "", text(item)]);
  const rest = items.length - maxListed;
  return rest > 0 ? [...rows, ["", `and ${rest} more`]] : rows;
}

function headText(
  { head, embedding, verdict, comparedBytes, configSaysTied }: Head,
  { green, yellow, red }: Colours,
): string {
  const compared = formatBytes(comparedBytes);
  switch (verdict) {
    case "absent": {
      const text = `tied: no head is stored, ${embedding} serves`;
      return configSaysTied === false
        ? red(`missing: the config says that it is not tied to ${embedding}`)
        : green(text);
    }
    case "equal":
      return green(`tied: ${head} equals ${embedding}, all ${compared} compared`);
    case "equal_samples":
      return `${green("tied")}, by samples: ${head} equals ${embedding} in ${compared}; --prove compares every byte`;
    case "different": {
      const text = `of its own: ${head} differs from ${embedding}`;
      return configSaysTied === true
        ? red(`${text}, though the config says tied: the stored head will not be used`)
        : yellow(text);
    }
    default:
      return verdict satisfies never;
  }
}
