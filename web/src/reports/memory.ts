/** What a model takes in memory, by format: the section of a report. */
import type { InspectedMemory } from "../../../src/inspect/page/page-data.js";
import { type Child, el } from "./base.js";
import { bytesText, plural } from "./words.js";

const words = { now: "fits", freed: "fits once other programs are closed", no: "does not fit" };
/** What is taken, and its colour. */
type Share = readonly [name: string, bytes: number, colour: string];

export function memoryView(memory: InspectedMemory | undefined): Child {
  if (!memory) return "";
  const title = el("h2", {}, "What it takes in memory");
  const { formats, advice = [] } = memory;
  if (!formats) return el("section", {}, title, el("p", { className: "aside" }, memory.problem ?? ""));
  const rest = sharesOf(memory);
  const most = Math.max(...formats.map(({ totalBytes }) => totalBytes));
  const rows = formats.map((format) => formatRow(format, rest, most));
  const headings = ["", "", "weights", "running", ""].map((each) =>
    el("span", each === "" ? {} : { className: "number" }, each),
  );
  return el(
    "section",
    { id: "memory" },
    title,
    el("p", { className: "aside" }, `${circumstances(memory).join("; ")}.`),
    el("ul", { className: "memory" }, el("li", { className: "aside" }, ...headings), ...rows),
    el("dl", { className: "legend" }, legendItem("weights", "--vision"), ...rest.map(legendOf)),
    ...advice.map((sentence) => el("p", { className: "aside" }, sentence)),
  );
}

function sharesOf({ decoder, vision, processBytes = 0 }: InspectedMemory): Share[] {
  return [
    ["keys and values", decoder?.cacheBytes ?? 0, "--embedding"],
    ["reading a picture or a prompt", Math.max(decoder?.peakBytes ?? 0, vision?.peakBytes ?? 0), "--connector"],
    ["the process", processBytes, "--other"],
  ];
}

type Format = NonNullable<InspectedMemory["formats"]>[number];

function formatRow(format: Format, rest: readonly Share[], most: number): HTMLElement {
  const { weights, blockSize, embeddingWeights, weightsBytes, totalBytes, fits } = format;
  const own: Share = ["weights", weightsBytes, "--vision"];
  const parts = [own, ...rest].map(([name, bytes, colour]) => {
    const style = { width: `${(100 * bytes) / most}%`, background: `var(${colour})` };
    return el("i", { title: `${name}: ${bytesText(bytes)}`, style });
  });
  const embeddings = embeddingWeights === "int8" ? "" : `, embeddings ${embeddingWeights}`;
  const block = /^int/.test(weights) ? el("small", {}, `block ${blockSize}${embeddings}`) : "";
  return el(
    "li",
    { className: fits },
    el("span", { className: "what" }, weights, block),
    el("span", { className: "memory-bar" }, ...parts),
    el("span", { className: "number" }, bytesText(weightsBytes)),
    el("span", { className: "number" }, bytesText(totalBytes)),
    el("span", { className: "fits" }, words[fits]),
  );
}

function legendItem(name: string, colour: string, ...bytes: readonly HTMLElement[]): HTMLElement {
  return el("div", {}, el("dt", {}, el("i", { style: { background: `var(${colour})` } }), name), ...bytes);
}

const legendOf = ([name, bytes, colour]: Share) => legendItem(name, colour, el("dd", {}, bytesText(bytes)));

function circumstances({ decoder, vision, machine }: InspectedMemory): string[] {
  const sequences = decoder && `${plural(decoder.numSequences, "sequence")} of ${decoder.contextTokens} tokens`;
  return [
    ...(decoder ? [`${sequences}, ${bytesText(decoder.cacheBytesPerThousandTokens)} per 1,000 tokens`] : []),
    ...(vision ? [`a picture of ${vision.image.width} × ${vision.image.height}`] : []),
    `${bytesText(machine?.availableBytes ?? 0)} free of ${bytesText(machine?.totalBytes ?? 0)} on the machine that wrote this page`,
  ];
}
