/** `ocellus ask … --trace out.html`: the answer, and a page that shows where it came from. */
import { printableWords } from "../../../core/base/index.js";
import { baseName } from "../../../core/fs/index.js";
import { readInput, thumbnail } from "../../../core/image/node/index.js";
import type { ImageInput, Trace } from "../../../core/runtime/index.js";
import type { GuardedVisionLanguageModel } from "../../../guardrails/index.js";
import { tracePage } from "../../../inspect/index.js";
import { type AnswerFlags, chatOptions } from "../../options.js";
import { writePage } from "../../ui/page-file.js";
import { printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { printAnswerNotes, questionAbout } from "./answer.js";

/** Pixels a side of a picture on the page: sharp on a wide screen, some 100 kB. */
const maxSide = 1024;
/** As much as the image room reads from a file. */
const maxBytes = 64 * 2 ** 20;

export async function traceAnswer(
  model: GuardedVisionLanguageModel,
  given: readonly ImageInput[],
  question: string,
  path: string,
  flags: AnswerFlags,
  terminal: Terminal,
): Promise<void> {
  const { signal } = terminal;
  const images = await Promise.all(given.map((image) => fetched(image, signal)));
  const trace = await model.trace(questionAbout(images, question, flags.system), chatOptions(flags, signal));
  const sources = await Promise.all(images.map((image) => pageSource(image, signal)));
  const { weights, device } = model.info;
  const facts = { question, images: sources, model: `${baseName(flags.model)} · ${weights} · ${device}` };
  await writePage(path, tracePage(trace, facts), terminal, flags);
  if (flags.json) return printJson(terminal, { question, ...withoutMaps(trace), page: path, model: model.info });
  printLine(terminal, printableWords(trace.text));
  printAnswerNotes(terminal, trace);
}

/** What an address gives, read once: the model and the page must show the same picture. */
async function fetched(image: ImageInput, signal: AbortSignal): Promise<ImageInput> {
  if (typeof image !== "string" || !/^https?:/i.test(image)) return image;
  return (await readInput(image, { maxBytes, signal, fetch })).bytes;
}

async function pageSource(image: ImageInput, signal: AbortSignal): Promise<string> {
  const webp = await thumbnail(image, maxSide, { signal });
  return `data:image/webp;base64,${Buffer.from(webp).toString("base64")}`;
}

/** The numbers of the maps are for the page and for programs, not for a terminal. */
function withoutMaps({ images, ...trace }: Trace) {
  return {
    ...trace,
    images: images.map(({ attention, ...image }) => ({ ...image, numLayers: attention.length })),
  };
}
