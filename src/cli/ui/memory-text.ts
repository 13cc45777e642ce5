/** What a model will cost, as `ocellus inspect` prints it: one row a format, and what the rest takes. */
import { formatBytes } from "../../core/base/index.js";
import type { Fits, FormatEstimate, MemoryEstimate } from "../../inspect/index.js";
import type { coloursFor } from "./terminal.js";
import { textTable } from "./text-layout.js";

type Colours = ReturnType<typeof coloursFor>;

export function memoryText({ machine, formats, decoder, vision, advice }: MemoryEstimate, colours: Colours): string {
  const { availableBytes, totalBytes } = machine;
  const rows = formats.map((format) => [
    formatName(format),
    formatBytes(format.packedBytes),
    formatBytes(format.weightsBytes),
    formatBytes(format.totalBytes),
    fitsText(format.fits, colours),
  ]);
  const parts = [
    ...(decoder
      ? [
          `keys and values ${formatBytes(decoder.cacheBytesPerThousandTokens)} per 1,000 tokens, ` +
            `${formatBytes(decoder.cacheBytes)} for ${times(decoder.numSequences)}${decoder.contextTokens} tokens`,
          `reading a prompt ${formatBytes(decoder.peakBytes)}`,
        ]
      : []),
    ...(vision ? [`an image of ${vision.image.width} × ${vision.image.height} ${formatBytes(vision.peakBytes)}`] : []),
  ];
  return [
    `memory: ${formatBytes(availableBytes)} free of ${formatBytes(totalBytes)} here`,
    textTable(
      [["", "packed", "in memory", "running", ""].map(colours.dim), ...rows],
      ["left", "right", "right", "right"],
    ),
    colours.dim(parts.join("; ")),
    ...advice.map(({ text }) => colours.yellow(text)),
  ].join("\n");
}

function formatName({ weights, blockSize, embeddingWeights }: FormatEstimate): string {
  const kept = embeddingWeights === "int8" ? "" : `, embeddings ${embeddingWeights}`;
  return weights === "fp32" ? weights : `${weights}, block ${blockSize}${kept}`;
}

function fitsText(fits: Fits, { green, yellow, red }: Colours): string {
  const texts = { now: green("fits"), freed: yellow("fits once other programs are closed"), no: red("does not fit") };
  return texts[fits];
}

function times(count: number): string {
  return count === 1 ? "" : `${count} × `;
}
