/** `ocellus describe PICTURE…`: the fixed questions that ask for a whole description, one answer per picture. */

import { type Command, Option } from "commander";
import { printable } from "../../../core/base/index.js";
import { type AnswerFlags, addAnswerOptions, chatOptions } from "../../options.js";
import { printJson, type Terminal, writeWords } from "../../ui/terminal.js";
import { withModel } from "../models/open-model.js";
import { type Answer, printAnswerNotes, printSpeed, questionAbout, refuseBlocked, streamAnswer } from "./answer.js";
import { readImages } from "./images.js";

export const questions = {
  product: { en: "Describe this product.", zh: "描述这件商品。" },
  screenshot: { en: "Describe this screenshot.", zh: "描述这张截图。" },
} as const;

interface DescribeFlags extends AnswerFlags {
  readonly as: keyof typeof questions;
  readonly language: "en" | "zh";
}

export function addDescribeCommand(program: Command, terminal: Terminal): void {
  addAnswerOptions(program.command("describe"))
    .description("describe each image as a product or as a screenshot")
    .argument("<image...>", "paths, URLs or - for stdin")
    .addOption(new Option("--as <kind>", "kind of the images").choices(Object.keys(questions)).default("product"))
    .addOption(new Option("--language <code>", "language of the description").choices(["en", "zh"]).default("en"))
    .addHelpText("after", "\nExample:\n  ocellus describe *.jpg --as product --language zh")
    .action((names: string[], _local: unknown, command: Command) =>
      describe(names, command.optsWithGlobals(), terminal),
    );
}

async function describe(names: readonly string[], flags: DescribeFlags, terminal: Terminal): Promise<void> {
  const images = await readImages(names, terminal);
  const question = questions[flags.as][flags.language];
  const write = (text: string) => (flags.json ? undefined : writeWords(terminal, text));
  await withModel(flags, terminal, async (model) => {
    const answers: (Answer & { image: string })[] = [];
    for (const [i, image] of images.entries()) {
      if (names.length > 1) write(`${printable(names[i]!)}: `);
      const messages = questionAbout([image], question, flags.system);
      const answer = await streamAnswer(model, messages, chatOptions(flags, terminal.signal), write);
      write("\n");
      refuseBlocked(answer);
      if (!flags.json) printAnswerNotes(terminal, answer);
      answers.push({ image: names[i]!, ...answer });
    }
    if (flags.json) return printJson(terminal, { question, answers, load: model.timings, model: model.info });
    printSpeed(terminal, answers.at(-1)!, model);
  });
}
