/** `ocellus ask PICTURE… "QUESTION"`: one question about one or several pictures, answered as a stream. */
import type { Command } from "commander";
import { OcellusError } from "../base/index.js";
import { printSpeed, questionAbout, refuseBlocked, streamAnswer } from "./answer.js";
import { withModel } from "./open-model.js";
import { type AnswerFlags, addAnswerOptions, chatOptions } from "./options.js";
import { fileExists, readPictures } from "./pictures.js";
import { printJson, printLine, type Terminal } from "./terminal.js";
import { traceAnswer } from "./trace.js";

export function addAskCommand(program: Command, terminal: Terminal): void {
  addAnswerOptions(program.command("ask"))
    .description("ask a question about one or more pictures; the answer is streamed to stdout")
    .argument("<pictures-and-question...>", "paths, URLs or - for stdin, and the question last")
    .usage('PICTURE... "QUESTION" [options]')
    .option("--trace <page.html>", "also write a page: where the eye looked, each token's rivals, time by stage")
    .addHelpText(
      "after",
      `
Examples:
  ocellus ask dress.jpg "What colour is it?"
  ocellus ask front.jpg back.jpg "Do both pictures show the same product?"
  curl -s https://shop.example/1.png | ocellus ask - "这是什么?"
  ocellus ask screen.png "Which code is shown?" --json | jq -r .text
  ocellus ask dress.jpg "What colour is it?" --trace trace.html`,
    )
    .action((words: string[], _local: unknown, command: Command) => ask(words, command.optsWithGlobals(), terminal));
}

interface AskFlags extends AnswerFlags {
  readonly trace?: string;
}

async function ask(words: readonly string[], flags: AskFlags, terminal: Terminal): Promise<void> {
  const { pictures: names, question } = await splitQuestion(words);
  const pictures = await readPictures(names, terminal);
  await withModel(flags, terminal, async (model) => {
    if (flags.trace !== undefined) return traceAnswer(model, pictures, question, flags.trace, flags, terminal);
    const messages = questionAbout(pictures, question, flags.system);
    const onText = (text: string) => (flags.json ? undefined : terminal.stdout.write(text));
    const answer = await streamAnswer(model, messages, chatOptions(flags, terminal.signal), onText);
    if (flags.json) printJson(terminal, { question, ...answer, load: model.timings, model: model.info });
    else printLine(terminal, "");
    refuseBlocked(answer);
    if (flags.json) return;
    printSpeed(terminal, answer, model);
  });
}

/** The last argument is the question: the commonest slips are to leave it out, or to put it first. */
async function splitQuestion(words: readonly string[]): Promise<{ pictures: string[]; question: string }> {
  const pictures = words.slice(0, -1);
  const question = words.at(-1)!;
  if (pictures.length === 0) {
    throw new OcellusError(
      "invalid_request",
      `ask: expected at least one picture and then the question, found only "${question}"; try: ocellus ask PICTURE "What is this?"`,
    );
  }
  if (await fileExists(question)) {
    throw new OcellusError(
      "invalid_request",
      `ask: expected the question as the last argument, found the file ${question}; put the question last, in quotes`,
    );
  }
  return { pictures, question };
}
