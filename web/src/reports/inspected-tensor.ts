/** What a report shows of one tensor: its histogram, its moments, what int4 would lose of it. */
import type { InspectedTensor, InspectedValues } from "../../../src/inspect/page/page-data.js";
import { type Child, el, percent, say } from "./base.js";
import { bytesText, countText, factList, heading, shapeText, svg, valueText } from "./words.js";

export const errorText = (share: number) => `${(100 * share).toFixed(share < 0.0995 ? 2 : 1)} %`;

export function tensorCard(tensor: InspectedTensor, file: string): Child[] {
  const { name, dtype, shape, sizeBytes, values, numElements } = tensor;
  const facts = `${dtype} ${shapeText(shape)} · ${bytesText(sizeBytes)} · ${file}`;
  const head = [heading(name), el("p", { className: "aside" }, facts)];
  if (values) return [...head, histogram(values), factList(factsOf(values, numElements)), quantilesView(values)];
  const words = say(
    "One of the smallest of a very large checkpoint: ocellus inspect --tensor has its statistics.",
    "它是很大的检查点中最小的张量之一：统计数据见 ocellus inspect --tensor。",
  );
  return [...head, el("p", { className: "aside" }, words)];
}

function factsOf(values: InspectedValues, numElements: number): (readonly [string, string | undefined])[] {
  const none = say("none", "无");
  const { numZeros, numNaN, numInfinite, numDead, numOutliers, int4Error } = values;
  return [
    [say("mean", "均值"), valueText(values.mean)],
    [say("deviation", "标准差"), valueText(values.std)],
    [say("root mean square", "均方根"), valueText(values.rms)],
    [say("smallest, largest", "最小，最大"), `${valueText(values.min)}, ${valueText(values.max)}`],
    [say("zeros", "零"), numZeros === 0 ? none : `${countText(numZeros)}, ${percent(numZeros / numElements)}`],
    [
      say("not finite", "非有限值"),
      numNaN + numInfinite === 0
        ? none
        : say(`${numNaN} NaN, ${numInfinite} infinite`, `NaN ${numNaN} 个，无穷 ${numInfinite} 个`),
    ],
    [say("dead rows", "全零行"), numDead ? String(numDead) : undefined],
    [
      say("int4 would lose", "int4 会损失"),
      int4Error === undefined
        ? undefined
        : say(`${errorText(int4Error)} of its size`, `其大小的 ${errorText(int4Error)}`),
    ],
    [
      say("outlier channels", "离群通道"),
      numOutliers === undefined ? undefined : outliersText(numOutliers, values.outliers ?? []),
    ],
  ];
}

function outliersText(count: number, outliers: NonNullable<InspectedValues["outliers"]>): string {
  if (count === 0) return say("none", "无");
  const largest = outliers.slice(0, 4).map(([channel, ratio]) => `${channel} (${ratio.toFixed(1)}×)`);
  return say(`${count}, the largest ${largest.join(", ")}`, `${count} 个，最大的是 ${largest.join("、")}`);
}

const [width, height] = [320, 96];

function histogram({ bins, low, high, quantiles, mean }: InspectedValues): HTMLElement {
  const step = width / bins.length;
  const edge = (i: number) => valueText(low + ((high - low) * i) / bins.length);
  const bars = bins.map((count, i) => {
    const tall = (height * count) / 1000;
    const title = svg("title", {}, say(`${edge(i)} to ${edge(i + 1)}`, `${edge(i)} 至 ${edge(i + 1)}`));
    return svg("rect", { x: i * step + 0.4, y: height - tall, width: step - 0.8, height: tall }, title);
  });
  const x = (value: number) =>
    high > low ? Math.min(width, Math.max(0, (width * (value - low)) / (high - low))) : width / 2;
  const marks = [mean, quantiles[1]![1], quantiles[7]![1]].map((value, i) =>
    svg("line", { class: i === 0 ? "mean" : "", x1: x(value), x2: x(value), y1: 0, y2: height }),
  );
  const [from, to] = [valueText(low), valueText(high)];
  const label = say(`How often each value occurs, from ${from} to ${to}`, `各数值出现的次数，从 ${from} 到 ${to}`);
  const box = { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": label };
  const words = [from, say("mean, and the middle 98 %", "均值与中间 98%"), to].map((each) => el("span", {}, each));
  return el("figure", { className: "histogram" }, svg("svg", box, ...bars, ...marks), el("figcaption", {}, ...words));
}

function quantilesView({ quantiles }: InspectedValues): HTMLElement {
  const shareText = (share: number) => {
    const digits = (100 * share).toPrecision(2);
    return `${digits.replace(/\.0$/, "").replace("1.0e+2", "100")} %`;
  };
  const cells = quantiles.map(([share, value]) =>
    el("div", {}, el("dt", {}, shareText(share)), el("dd", {}, valueText(value))),
  );
  return el(
    "details",
    {},
    el("summary", {}, say("Quantiles", "分位数")),
    el("dl", { className: "quantiles" }, ...cells),
  );
}
