/**
 * `ocellus chat [PICTURE]`: several turns about the same pictures. On a terminal with a prompt, where Ctrl-C stops the
 * running answer and twice leaves; from a pipe, one question per line, and the first error ends it.
 */
import { createInterface, type Interface } from "node:readline";
import type { Command } from "commander";
import { OcellusError } from "../../../core/base/index.js";
import type { ChatMessage, ImageInput } from "../../../core/runtime/index.js";
import type { GuardedVisionLanguageModel } from "../../../guardrails/index.js";
import { type AnswerFlags, addAnswerOptions, chatOptions } from "../../options.js";
import { errorMessage } from "../../ui/report-error.js";
import { coloursFor, printJson, type Terminal, writeWords } from "../../ui/terminal.js";
import { withModel } from "../models/open-model.js";
import {
  type Answer,
  printAnswerNotes,
  printSpeed,
  refuseBlocked,
  streamAnswer,
  thoughtWriter,
  userMessage,
} from "./answer.js";
import { readImages } from "./images.js";

const commandsHelp = "/image PATH adds an image · /reset clears the chat · /quit exits · Ctrl-C stops an answer";

export function addChatCommand(program: Command, terminal: Terminal): void {
  addAnswerOptions(program.command("chat"))
    .description("chat about images over several turns; reads one question per line from a pipe")
    .argument("[image]", "path or URL")
    .addHelpText("after", `\nIn the chat: ${commandsHelp}`)
    .action((image: string | undefined, _local: unknown, command: Command) =>
      chat(image, command.optsWithGlobals(), terminal),
    );
}

async function chat(image: string | undefined, flags: AnswerFlags, terminal: Terminal): Promise<void> {
  const first = image === undefined ? [] : await readImages([image], terminal);
  await withModel(flags, terminal, async (model) => {
    const conversation = new Conversation(model, flags, terminal, first);
    await (terminal.stdin.isTTY ? talk(conversation, terminal) : readLines(conversation, terminal));
  });
}

/** What has been said, and the pictures that the next question brings along. */
class Conversation {
  readonly #model: GuardedVisionLanguageModel;
  readonly #flags: AnswerFlags;
  readonly #terminal: Terminal;
  #messages: ChatMessage[] = [];
  #images: ImageInput[];

  constructor(model: GuardedVisionLanguageModel, flags: AnswerFlags, terminal: Terminal, images: ImageInput[]) {
    this.#model = model;
    this.#flags = flags;
    this.#terminal = terminal;
    this.#images = images;
  }

  /** Takes one line: a question, or a command that begins with a slash. Returns false when the user wants to leave. */
  async take(line: string, signal: AbortSignal): Promise<boolean> {
    const text = line.trim();
    if (text === "") return true;
    if (text === "/quit") return false;
    if (text === "/reset") this.#reset();
    else if (/^\/image\s/.test(text)) this.#images.push(...(await readImages([text.slice(6).trim()], this.#terminal)));
    else if (/^\/\w*$/.test(text))
      throw new OcellusError("invalid_request", `unknown command ${text}; ${commandsHelp}`);
    else await this.#ask(text, signal);
    return true;
  }

  #reset(): void {
    this.#messages = [];
    this.#images = [];
  }

  async #ask(question: string, signal: AbortSignal): Promise<void> {
    const { system, json } = this.#flags;
    const user = userMessage(this.#images, question);
    const start: ChatMessage[] = system === undefined ? [] : [{ role: "system", content: system }];
    const write = (text: string) => (json ? undefined : writeWords(this.#terminal, text));
    const messages = [...start, ...this.#messages, user];
    const think = json ? undefined : thoughtWriter(this.#terminal);
    const answer = await streamAnswer(this.#model, messages, chatOptions(this.#flags, signal), write, think);
    refuseBlocked(answer);
    // Only an answered question joins the conversation: a stopped one may be asked again with its pictures.
    this.#messages.push(user, { role: "assistant", content: answer.text });
    this.#images = [];
    this.#print(question, answer);
  }

  #print(question: string, answer: Answer): void {
    if (this.#flags.json) {
      printJson(this.#terminal, { question, ...answer });
      return;
    }
    this.#terminal.stdout.write("\n");
    printAnswerNotes(this.#terminal, answer);
    printSpeed(this.#terminal, answer, this.#model);
  }
}

async function readLines(conversation: Conversation, terminal: Terminal): Promise<void> {
  for await (const line of createInterface({ input: terminal.stdin, terminal: false })) {
    if (!(await conversation.take(line, terminal.signal))) return;
  }
}

async function talk(conversation: Conversation, terminal: Terminal): Promise<void> {
  const { dim, cyan } = coloursFor(terminal.stdout);
  const lines = createInterface({ input: terminal.stdin, output: terminal.stdout, prompt: cyan("› ") });
  const interrupts = new Interrupts(lines, (text) => terminal.stderr.write(`\n${dim(text)}\n`));
  terminal.stdout.write(`${dim(commandsHelp)}\n`);
  lines.prompt();
  for await (const line of lines) {
    try {
      if (!(await conversation.take(line, interrupts.nextAnswer()))) break;
    } catch (error) {
      if (!interrupts.stopped) terminal.stderr.write(`${errorMessage(error)}\n`);
    }
    interrupts.answerEnded();
    if (interrupts.leaving) break;
    lines.prompt();
  }
  lines.close();
}

/** Ctrl-C while an answer runs stops it; a second one, or one at an empty prompt twice, leaves. */
class Interrupts {
  #controller: AbortController | undefined;
  #pressedOnce = false;
  leaving = false;

  constructor(lines: Interface, say: (text: string) => void) {
    lines.on("SIGINT", () => {
      if (this.#pressedOnce) {
        lines.close();
        return;
      }
      this.#pressedOnce = true;
      this.#controller?.abort();
      say(this.#controller ? "stopped; press Ctrl-C again to exit" : "press Ctrl-C again to exit");
      if (!this.#controller) lines.prompt();
    });
    lines.on("line", () => {
      this.#pressedOnce = false;
    });
    lines.on("close", () => {
      this.leaving = true;
    });
  }

  get stopped(): boolean {
    return this.#controller?.signal.aborted ?? false;
  }

  nextAnswer(): AbortSignal {
    this.#controller = new AbortController();
    return this.#controller.signal;
  }

  answerEnded(): void {
    this.#controller = undefined;
  }
}
