/** `ocellus ask IMAGE… "QUESTION"`: one question about images or videos, answered as a stream. */
import type { Command } from "commander";
import { OcellusError } from "../../../core/base/index.js";
import { type ImageInput, VideoFile } from "../../../core/runtime/index.js";
import { addAnswerOptions, chatOptions, integerBetween } from "../../options.js";
import { printJson, printLine, type Terminal, writeWords } from "../../ui/terminal.js";
import { collectionsOption } from "../index/collections-option.js";
import { withModel } from "../models/open-model.js";
import { printAnswerNotes, printSpeed, questionAbout, refuseBlocked, streamAnswer, thoughtWriter } from "./answer.js";
import { drawAnswer, placesOptions, printPlaces } from "./answer-places.js";
import { printFields, printZoomed, schemaOptions } from "./answer-schema.js";
import { answerFromCollection, type CollectionFlags, printCitations } from "./ask-collection.js";
import { fileExists, readMedia } from "./images.js";
import { traceAnswer } from "./trace.js";

export function addAskCommand(program: Command, terminal: Terminal): void {
  addAnswerOptions(program.command("ask"))
    .description("ask a question about images or videos; the answer streams to stdout")
    .argument("<images-and-question...>", "paths or URLs of images or videos, or - for stdin; the question comes last")
    .usage('IMAGE... "QUESTION" [options]')
    .option("--collection <name>", "collection to search for pages to answer from and cite (see `ocellus index`)")
    .addOption(collectionsOption())
    .option("--embedding-model <folder>", "model that made the collection's vectors, if it is not --model")
    .option("--pages <count>", "number of pages given to the model (default: 3)", integerBetween(1, 64)) // pictures of one prompt
    .option("--schema <file>", "JSON schema that the answer satisfies; says how sure each field is")
    .option("--cite-fields", "ask for the box of each field of --schema")
    .option("--zoom", "ask again, of a part of the image, for fields of --schema that the model is not sure of")
    .option("--boxes", "report the boxes and points that the answer names, in pixels of the image")
    .option("--draw <image.png>", "write the image with these boxes drawn on it")
    .option("--trace <page.html>", "write a page: vision encoder attention, top alternatives per token, time by stage")
    .addHelpText(
      "after",
      `
Examples:
  ocellus ask dress.jpg "What colour is it?"
  ocellus ask front.jpg back.jpg "Do both images show the same product?"
  ocellus ask screen.png "Which code is shown?" --json | jq -r .text
  ocellus ask dress.jpg "What colour is it?" --trace trace.html
Photos, JSON and documents, which the bundled demo model was not trained for:
  curl -s https://shop.example/1.png | ocellus ask - "这是什么?" --model Qwen/Qwen3-VL-2B-Instruct
  ocellus ask dress.jpg "What is it?" --schema item.schema.json --json --model Qwen/Qwen3-VL-2B-Instruct | jq .fields
  ocellus ask clip.mp4 "What happens?" --model Qwen/Qwen3-VL-2B-Instruct
  ocellus ask street.jpg "Locate every car, output the bbox coordinates using JSON format." --draw cars.png --model Qwen/Qwen3-VL-2B-Instruct
  ocellus ask --collection manuals "How is the filter changed?" --model Qwen/Qwen3-VL-2B-Instruct`,
    )
    .action((words: string[], _local: unknown, command: Command) => ask(words, command.optsWithGlobals(), terminal));
}

interface AskFlags extends Omit<CollectionFlags, "collection"> {
  readonly schema?: string;
  readonly citeFields?: boolean;
  readonly zoom?: boolean;
  readonly boxes?: boolean;
  readonly draw?: string;
  readonly trace?: string;
  readonly collection?: string;
}

async function ask(words: readonly string[], flags: AskFlags, terminal: Terminal): Promise<void> {
  const { collection } = flags;
  refuseBeside(flags);
  const { images: names, question } = await splitQuestion(words, collection === undefined ? 1 : 0);
  const media = await readMedia(names, terminal);
  const images = media.filter((input): input is ImageInput => !(input instanceof VideoFile));
  if (images.length < media.length) refuseWithVideo(flags);
  await withModel(flags, terminal, async (model) => {
    if (collection !== undefined) {
      const answer = await answerFromCollection(model, images, question, { ...flags, collection }, terminal);
      if (flags.json) return printJson(terminal, { question, collection, ...answer, model: model.info });
      printLine(terminal, "");
      printCitations(answer.citations, terminal);
      printAnswerNotes(terminal, answer);
      return printSpeed(terminal, answer, model);
    }
    if (flags.trace !== undefined) return traceAnswer(model, images, question, flags.trace, flags, terminal);
    const messages = questionAbout(media, question, flags.system);
    const onText = (text: string) => (flags.json ? undefined : writeWords(terminal, text));
    const onReasoning = flags.json ? undefined : thoughtWriter(terminal);
    const options = {
      ...chatOptions(flags, terminal.signal),
      ...(await schemaOptions(flags)),
      ...placesOptions(flags),
      ...(flags.zoom && { zoom: true }),
    };
    const answer = await streamAnswer(model, messages, options, onText, onReasoning);
    if (flags.draw !== undefined) await drawAnswer(flags.draw, images[0]!, answer, terminal);
    if (flags.json) printJson(terminal, { question, ...answer, load: model.timings, model: model.info });
    else printLine(terminal, "");
    refuseBlocked(answer);
    if (flags.json) return;
    printFields(terminal, answer);
    printZoomed(terminal, answer);
    printPlaces(terminal, answer);
    printAnswerNotes(terminal, answer);
    printSpeed(terminal, answer, model);
  });
}

/** These look at images only. @throws `invalid_request` */
function refuseWithVideo(flags: AskFlags): void {
  const option = (["collection", "trace", "draw"] as const).find((name) => flags[name] !== undefined);
  if (option === undefined) return;
  throw new OcellusError("invalid_request", `ask: --${option} cannot be used with a video; give it frames as images`, {
    details: { option: `--${option}`, other: "video" },
  });
}

/** @throws `invalid_request` */
function refuseBeside({ collection, trace, ...flags }: AskFlags): void {
  if (collection !== undefined && trace !== undefined)
    throw new OcellusError(
      "invalid_request",
      "ask: --trace cannot be used with --collection; it traces the images on the command line",
    );
  const own = (["schema", "citeFields", "zoom", "boxes", "draw"] as const).find((name) => flags[name] !== undefined);
  if (own === undefined || (collection ?? trace) === undefined) return;
  const other = collection === undefined ? "--trace" : "--collection";
  const option = own === "citeFields" ? "--cite-fields" : `--${own}`;
  throw new OcellusError("invalid_request", `ask: ${option} cannot be used with ${other}`, {
    details: { option, other },
  });
}

/** The last argument is the question: the commonest slips are to leave it out, or to put it first. */
async function splitQuestion(
  words: readonly string[],
  fewestImages: number,
): Promise<{ images: string[]; question: string }> {
  const images = words.slice(0, -1);
  const question = words.at(-1)!;
  if (images.length < fewestImages) {
    throw new OcellusError(
      "invalid_request",
      `ask: expected at least one image and then the question, found only "${question}"; try: ocellus ask IMAGE "What is this?"`,
    );
  }
  if (await fileExists(question)) {
    throw new OcellusError(
      "invalid_request",
      `ask: expected the question as the last argument, found the file ${question}; put the question last, in quotes`,
    );
  }
  return { images, question };
}
