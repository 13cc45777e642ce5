/**
 * One client of OpenAI's chat API for every server of the comparison: questions with images of their own, streamed answers, times
 * and counts. Each request has a connection of its own, since a server that was stopped meanwhile may have closed an idle one.
 */
import { type IncomingMessage, request } from "node:http";
import sharp from "sharp";

export interface ChatServer {
  /** Up to the path: http://127.0.0.1:8080. */
  readonly url: string;
  readonly model: string;
  /** Fields of the body that not every server takes: to report usage in a stream. */
  readonly extra?: object;
  /** Takes `ignore_eos`, so that random weights fill an answer; an answer by a schema ends where the schema does. */
  readonly ignoresEnd?: boolean;
}

export interface ChatQuestion {
  readonly text: string;
  /** A data: URL. */
  readonly image?: string;
  readonly maxTokens: number;
  readonly responseFormat?: object;
}

export interface TimedAnswer {
  /** To the first text. Bytes of a character that is not whole yet may be held back. */
  readonly firstMs: number;
  readonly totalMs: number;
  readonly tokens: number;
  readonly promptTokens: number;
  readonly text: string;
}

/** The longest that one answer may take: eight images read one by one on two cores take two minutes. */
const answerLimitMs = 300_000;

/** @throws on an error of the server, in place of an answer or inside one; after five minutes. */
export async function ask(server: ChatServer, question: ChatQuestion): Promise<TimedAnswer> {
  const started = performance.now();
  const response = await post(server, bodyOf(server, question));
  if (response.statusCode !== 200) throw new Error(`HTTP ${response.statusCode}: ${await whole(response)}`);
  let firstMs: number | undefined;
  let [text, deltas] = ["", 0];
  let usage: Usage | undefined;
  for await (const chunk of eventsOf(response)) {
    if (chunk.error !== undefined) throw new Error(`error in the stream: ${JSON.stringify(chunk.error)}`);
    usage = chunk.usage ?? usage;
    const content = chunk.choices?.[0]?.delta?.content;
    if (!content) continue;
    firstMs ??= performance.now() - started;
    text += content;
    deltas++;
  }
  const totalMs = performance.now() - started;
  const { completion_tokens: tokens = deltas, prompt_tokens: promptTokens = 0 } = usage ?? {};
  return { firstMs: firstMs ?? totalMs, totalMs, tokens, promptTokens, text };
}

/** Tokens a second after the first text. */
export function paceOf({ tokens, totalMs, firstMs }: TimedAnswer): number {
  return ((tokens - 1) * 1000) / (totalMs - firstMs);
}

/** A JPEG of soft noise, another one for each seed: patches differ, and the file is small. */
export async function imageOf(side: number, seed: number): Promise<string> {
  const grain = Math.max(2, Math.round(side / 32));
  let state = seed >>> 0;
  const pixels = Uint8Array.from({ length: grain * grain * 3 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
  const jpeg = await sharp(pixels, { raw: { width: grain, height: grain, channels: 3 } })
    .resize(side, side, { kernel: "cubic" })
    .jpeg({ quality: 90 })
    .toBuffer();
  return `data:image/jpeg;base64,${jpeg.toString("base64")}`;
}

// ----------------------------------------------------------------------------------------------------------- the wire

interface Usage {
  readonly completion_tokens?: number;
  readonly prompt_tokens?: number;
}

interface Chunk {
  readonly error?: unknown;
  readonly usage?: Usage | null;
  readonly choices?: readonly { readonly delta?: { readonly content?: string | null } }[];
}

function bodyOf(
  { model, extra, ignoresEnd }: ChatServer,
  { text, image, maxTokens, responseFormat }: ChatQuestion,
): string {
  const parts = [...(image ? [{ type: "image_url", image_url: { url: image } }] : []), { type: "text", text }];
  return JSON.stringify({
    ...{ model, messages: [{ role: "user", content: parts }], max_tokens: maxTokens, temperature: 0, stream: true },
    ...(responseFormat ? { response_format: responseFormat } : ignoresEnd && { ignore_eos: true }),
    ...extra,
  });
}

function post({ url }: ChatServer, body: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = {
      method: "POST",
      headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
      agent: false as const,
      signal: AbortSignal.timeout(answerLimitMs),
    };
    request(`${url}/v1/chat/completions`, options, resolve).on("error", reject).end(body);
  });
}

async function whole(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of response.setEncoding("utf8")) text += piece;
  return text.slice(0, 300);
}

/** The data lines of a server-sent event stream, up to [DONE]. */
async function* eventsOf(response: IncomingMessage): AsyncGenerator<Chunk> {
  let rest = "";
  for await (const piece of response.setEncoding("utf8")) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      if (!line.startsWith("data:")) continue;
      const data = line.slice(5).trim();
      if (data !== "[DONE]") yield JSON.parse(data) as Chunk;
    }
  }
}
