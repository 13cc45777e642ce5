/**
 * The script of the thread that reads text: decodes an image, finds its lines, then reads them one at a time, as it is called, so
 * that a caller can leave between two lines. It keeps the one image that it is at. See text-reader.ts.
 */
import { float32, GraphSession } from "../backend/index.js";
import { invariant, OcellusError } from "../base/index.js";
import { decodeImage, type GivenImage, type ImageFile, type ImageLimits } from "../image/node/index.js";
import type { PixelSize, RgbImage } from "../image/spec/index.js";
import { serve } from "../worker/index.js";
import { detectorInput, detectorSize, findText } from "./detect.js";
import { type Line, lineInput, lineOf, turnedOver, uprightQuad, uprightSize } from "./line-pixels.js";
import { checkSymbols, type OcrFiles, readSymbols } from "./ocr-files.js";
import { classifierFrame, decodeSteps, isUpsideDown, type LineFrame, recogniserFrame } from "./recognise.js";

export interface OcrThreadOptions {
  readonly files: OcrFiles;
  readonly threads: number;
}

export interface FoundLines extends PixelSize {
  readonly numLines: number;
  readonly isComplete: boolean;
}

function methodsOf(options: OcrThreadOptions) {
  const opened = openGraphs(options);
  opened.catch(() => {}); // `opened` says why; unheard until that call comes, it would end the thread
  let image: RgbImage | undefined;
  let lines: Line[] = [];
  return {
    opened: async () => void (await opened),
    async find(source: GivenImage | ImageFile, limits: ImageLimits, maxLines: number): Promise<FoundLines> {
      const { detector } = await opened;
      image = await decodeImage(source, limits);
      const size = detectorSize(image);
      const map = await detector.run(detectorInput(image, size), [1, 3, size.height, size.width]);
      const found = findText(map.data, size, image, maxLines);
      lines = found.quads.map(lineOf);
      const { width, height } = image;
      return { width, height, numLines: lines.length, isComplete: found.isComplete };
    },
    async read(index: number) {
      invariant(image && lines[index], "a line is read of the image that was looked at last");
      const { classifier, recogniser, symbols } = await opened;
      const found = lines[index];
      const turns = await runLine(classifier, image, found, classifierFrame(uprightSize(found)));
      const line = isUpsideDown(turns.data) ? turnedOver(found) : found;
      const steps = await runLine(recogniser, image, line, recogniserFrame(uprightSize(line)));
      checkSymbols(symbols, steps.dims.at(-1), options.files.dictionary);
      return { ...decodeSteps(steps.data, symbols), quad: uprightQuad(line) };
    },
    forget() {
      image = undefined;
      lines = [];
    },
    async close() {
      const { detector, classifier, recogniser } = await opened;
      await Promise.all([detector, classifier, recogniser].map((graph) => graph.close()));
    },
  };
}
export type OcrMethods = ReturnType<typeof methodsOf>;

async function openGraphs({ files, threads }: OcrThreadOptions) {
  const [detector, classifier, recogniser, symbols] = await Promise.all([
    openGraph(files.detector, "sigmoid_0.tmp_0", threads),
    openGraph(files.classifier, "softmax_0.tmp_0", threads),
    openGraph(files.recogniser, "softmax_11.tmp_0", threads),
    readSymbols(files.dictionary),
  ]);
  return { detector, classifier, recogniser, symbols };
}

type OcrGraph = Awaited<ReturnType<typeof openGraph>>;

/** @param output its name, as Paddle's exporter has given it */
async function openGraph(path: string, output: string, threads: number) {
  const session = await GraphSession.open(path, { device: "cpu", threads }).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OcellusError("invalid_file", `cannot open ${path}: ${reason}; install the package again`, {
      details: { path },
      cause,
    });
  });
  return {
    async run(values: Float32Array, dims: readonly number[]) {
      const result = (await session.run({ x: float32(values, dims) }, { [output]: null }))[output]!;
      return { data: result.data as Float32Array, dims: result.dims };
    },
    close: () => session.close(),
  };
}

function runLine(graph: OcrGraph, image: RgbImage, line: Line, { size, padded }: LineFrame) {
  return graph.run(lineInput(image, line, size, padded), [1, 3, size.height, padded]);
}

serve(methodsOf);
