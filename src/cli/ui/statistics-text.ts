/** Tensor statistics as text: a card with a histogram for one tensor, a table with small histograms for several. */
import { formatCount } from "../../core/base/index.js";
import { formatShape } from "../../core/tensor/index.js";
import type { TensorStatistics } from "../../inspect/index.js";
import type { coloursFor } from "./terminal.js";
import { textTable } from "./text-layout.js";

type Colours = ReturnType<typeof coloursFor>;

export function statisticsText(statistics: readonly TensorStatistics[], colours: Colours): string {
  return statistics.length === 1 ? card(statistics[0]!, colours) : table(statistics, colours);
}

const cardHeight = 6;

function card(tensor: TensorStatistics, colours: Colours): string {
  const { name, dtype, shape, numElements, numZeros, histogram, quantiles } = tensor;
  const { low, high, counts } = histogram;
  const axis = `${formatValue(low)}${formatValue(high).padStart(counts.length - formatValue(low).length)}`;
  return [
    `${colours.bold(name)}  ${dtype} ${formatShape(shape)}`,
    `${formatCount(numElements)} values, ${numZeros === 0 ? "no" : formatCount(numZeros)} zeros, ${badText(tensor, colours)}`,
    "",
    ...bars(counts, cardHeight).map(colours.cyan),
    colours.dim(axis),
    "",
    textTable(moments(tensor)),
    "",
    textTable([quantiles.map((q) => colours.dim(`${q.share * 100} %`)), quantiles.map((q) => formatValue(q.value))]),
    ...(tensor.rows ? ["", ...rowsText(tensor.rows, colours)] : []),
  ].join("\n");
}

function moments({ min, max, mean, std, rms }: TensorStatistics): string[][] {
  return [["min", "mean", "max", "std", "rms"], [min, mean, max, std, rms].map(formatValue)];
}

function rowsText({ numDead, numOutliers, outliers, int4Error }: Rows, { yellow, dim }: Colours): string[] {
  const list = outliers.slice(0, 8).map(({ channel, ratio }) => `${channel} (${ratio.toFixed(1)}×)`);
  const some = yellow(`outlier channels: ${numOutliers}, such as ${list.join(", ")} of the median channel's size`);
  return [
    numOutliers === 0 ? dim("no outlier channels") : some,
    ...(numDead === 0 ? [] : [yellow(`dead rows: ${numDead}`)]),
    ...(int4Error === undefined ? [] : [`int4 in blocks of 32 would lose ${percent(int4Error)} of its size`]),
  ];
}

type Rows = NonNullable<TensorStatistics["rows"]>;

const smallBins = 16;

function table(statistics: readonly TensorStatistics[], colours: Colours): string {
  const header = ["tensor", "", "min", "max", "std", "zeros", "outliers", "int4", "values", ""].map(colours.dim);
  const rows = statistics.map((tensor) => [
    tensor.name,
    formatShape(tensor.shape),
    formatValue(tensor.min),
    formatValue(tensor.max),
    formatValue(tensor.std),
    tensor.numZeros === 0 ? "" : percent(tensor.numZeros / tensor.numElements),
    tensor.rows && tensor.rows.numOutliers > 0 ? colours.yellow(String(tensor.rows.numOutliers)) : "",
    tensor.rows?.int4Error === undefined ? "" : percent(tensor.rows.int4Error),
    colours.cyan(bars(merged(tensor.histogram.counts, smallBins), 1)[0]!),
    tensor.numNaN + tensor.numInfinite > 0 ? badText(tensor, colours) : "",
  ]);
  return textTable([header, ...rows], ["left", "left", "right", "right", "right", "right", "right", "right"]);
}

function badText({ numNaN, numInfinite }: TensorStatistics, { red, green }: Colours): string {
  if (numNaN + numInfinite === 0) return green("all finite");
  return red(`${formatCount(numNaN)} NaN, ${formatCount(numInfinite)} infinite`);
}

const eighths = " ▁▂▃▄▅▆▇█";

/** Bars `height` lines high, the largest count filling it; what is not nothing shows. */
function bars(counts: readonly number[], height: number): string[] {
  const most = Math.max(1, ...counts);
  const levels = counts.map((count) => (count === 0 ? 0 : Math.max(1, Math.round((count / most) * height * 8))));
  return Array.from({ length: height }, (_, line) => {
    const below = (height - 1 - line) * 8;
    return levels.map((level) => eighths[Math.max(0, Math.min(8, level - below))]).join("");
  });
}

/** Neighbouring bins added up. */
function merged(counts: readonly number[], numBins: number): number[] {
  const width = counts.length / numBins;
  return Array.from({ length: numBins }, (_, i) => counts.slice(i * width, (i + 1) * width).reduce((a, b) => a + b, 0));
}

/** Four significant digits. */
export function formatValue(value: number): string {
  return value === 0 ? "0" : String(Number(value.toPrecision(4)));
}

export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}
