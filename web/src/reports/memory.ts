/** What a model takes in memory, by format: the section of a report. */
import type { InspectedMemory } from "../../../src/inspect/page/page-data.js";
import { type Child, el, say } from "./base.js";
import { bytesText, plural, sentenceText, told } from "./words.js";

const fitText = (fits: Format["fits"]) =>
  ({
    now: say("fits", "放得下"),
    freed: say("fits once other programs are closed", "关闭其他程序后放得下"),
    no: say("does not fit", "放不下"),
  })[fits];
/** What is taken, and its colour. */
type Share = readonly [name: string, bytes: number, colour: string];

export function memoryView(memory: InspectedMemory | undefined): Child {
  if (!memory) return "";
  const title = el("h2", {}, say("What it takes in memory", "占用多少内存"));
  const { formats, advice = [] } = memory;
  if (!formats)
    return el("section", {}, title, el("p", { className: "aside" }, say("", "无法估算："), told(memory.problem ?? "")));
  const rest = sharesOf(memory);
  const most = Math.max(...formats.map(({ totalBytes }) => totalBytes));
  const rows = formats.map((format) => formatRow(format, rest, most));
  const headings = ["", "", say("weights", "权重"), say("running", "运行时"), ""].map((each) =>
    el("span", each === "" ? {} : { className: "number" }, each),
  );
  return el(
    "section",
    { id: "memory" },
    title,
    el(
      "p",
      { className: "aside" },
      say(`${circumstances(memory).join("; ")}.`, `${circumstances(memory).join("；")}。`),
    ),
    el("ul", { className: "memory" }, el("li", { className: "aside" }, ...headings), ...rows),
    el("dl", { className: "legend" }, legendItem(say("weights", "权重"), "--vision"), ...rest.map(legendOf)),
    ...advice.map((sentence) => el("p", { className: "aside" }, sentenceText(sentence))),
  );
}

function sharesOf({ decoder, vision, processBytes = 0 }: InspectedMemory): Share[] {
  return [
    [say("keys and values", "键值缓存"), decoder?.cacheBytes ?? 0, "--embedding"],
    [
      say("reading a picture or a prompt", "读取图片或提示词"),
      Math.max(decoder?.peakBytes ?? 0, vision?.peakBytes ?? 0),
      "--connector",
    ],
    [say("the process", "进程"), processBytes, "--other"],
  ];
}

type Format = NonNullable<InspectedMemory["formats"]>[number];

function formatRow(format: Format, rest: readonly Share[], most: number): HTMLElement {
  const { weights, blockSize, embeddingWeights, weightsBytes, totalBytes, fits } = format;
  const own: Share = [say("weights", "权重"), weightsBytes, "--vision"];
  const parts = [own, ...rest].map(([name, bytes, colour]) => {
    const style = { width: `${(100 * bytes) / most}%`, background: `var(${colour})` };
    return el("i", { title: `${name}: ${bytesText(bytes)}`, style });
  });
  const embeddings =
    embeddingWeights === "int8" ? "" : say(`, embeddings ${embeddingWeights}`, `，嵌入层 ${embeddingWeights}`);
  const block = /^int/.test(weights)
    ? el("small", {}, say(`block ${blockSize}`, `分块 ${blockSize}`) + embeddings)
    : "";
  return el(
    "li",
    { className: fits },
    el("span", { className: "what" }, weights, block),
    el("span", { className: "memory-bar" }, ...parts),
    el("span", { className: "number" }, bytesText(weightsBytes)),
    el("span", { className: "number" }, bytesText(totalBytes)),
    el("span", { className: "fits" }, fitText(fits)),
  );
}

function legendItem(name: string, colour: string, ...bytes: readonly HTMLElement[]): HTMLElement {
  return el("div", {}, el("dt", {}, el("i", { style: { background: `var(${colour})` } }), name), ...bytes);
}

const legendOf = ([name, bytes, colour]: Share) => legendItem(name, colour, el("dd", {}, bytesText(bytes)));

function circumstances({ decoder, vision, machine }: InspectedMemory): string[] {
  const [free, all] = [bytesText(machine?.availableBytes ?? 0), bytesText(machine?.totalBytes ?? 0)];
  const size = vision && `${vision.image.width} × ${vision.image.height}`;
  return [
    ...(decoder ? [sequencesText(decoder)] : []),
    ...(size ? [say(`a picture of ${size}`, `一张 ${size} 的图片`)] : []),
    say(`${free} free of ${all} on the machine that wrote this page`, `写出此页的机器有 ${all} 内存，空闲 ${free}`),
  ];
}

function sequencesText(decoder: NonNullable<InspectedMemory["decoder"]>): string {
  const { numSequences, contextTokens, cacheBytesPerThousandTokens } = decoder;
  const bytes = bytesText(cacheBytesPerThousandTokens);
  return say(
    `${plural(numSequences, "sequence")} of ${contextTokens} tokens, ${bytes} per 1,000 tokens`,
    `${numSequences} 个 ${contextTokens} 词元的序列，每 1,000 词元 ${bytes}`,
  );
}
