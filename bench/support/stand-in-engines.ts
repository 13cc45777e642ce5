/**
 * Engines on paper behind real sockets, as a process of their own: vLLM's routes, as far as a gateway asks for them; an encoder that
 * encodes one image at a time and keeps some by their names; tokens at a steady pace. `node --import tsx THIS '{"engines": 4, …}'`
 * prints their addresses as a JSON list, and ends with its standard input.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface StandInOptions {
  readonly engines: number;
  /** Of each answer, and between them. */
  readonly tokens: number;
  readonly tokenMs: number;
  /** Of an image that is not cached. */
  readonly encodeMs: number;
  readonly cachedImages: number;
}

/** GET /figures. */
export interface StandInFigures {
  readonly requests: number;
  /** Of their bodies. */
  readonly bytes: number;
  readonly images: number;
  readonly hits: number;
}

interface Part {
  readonly type: string;
  readonly image_url?: { readonly url: string } | null;
  readonly uuid?: string;
}

class StandIn {
  readonly #options: StandInOptions;
  readonly #cache = new Set<string>();
  readonly #figures = { requests: 0, bytes: 0, images: 0, hits: 0 };
  #encoding: Promise<void> = Promise.resolve();

  constructor(options: StandInOptions) {
    this.#options = options;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const { url } = request;
    if (url === "/figures") return sendJson(response, 200, this.#figures);
    if (url === "/version") return sendJson(response, 200, { version: "0" });
    if (url === "/v1/models")
      return sendJson(response, 200, { object: "list", data: [{ id: "m", max_model_len: 32_768 }] });
    if (url !== "/v1/chat/completions") return sendJson(response, 200, {});
    const body = Buffer.concat(pieces);
    this.#figures.requests++;
    this.#figures.bytes += body.length;
    const { messages } = JSON.parse(body.toString()) as { messages: { content: string | Part[] }[] };
    const images = messages.flatMap(({ content }) =>
      typeof content === "string" ? [] : content.filter(({ type }) => type === "image_url"),
    );
    for (const { image_url, uuid } of images)
      if (image_url === null && !this.#cache.has(uuid!))
        return sendJson(response, 400, {
          error: { message: `Cache miss for image ${uuid}`, type: "BadRequestError", code: 400 },
        });
    for (const image of images) await this.#look(image);
    await this.#answer(response);
  }

  async #look({ image_url, uuid }: Part): Promise<void> {
    const name = uuid ?? image_url!.url;
    this.#figures.images++;
    const isHit = this.#cache.delete(name);
    this.#cache.add(name);
    if (this.#cache.size > this.#options.cachedImages) this.#cache.delete(this.#cache.values().next().value!);
    if (isHit) {
      this.#figures.hits++;
      return;
    }
    this.#encoding = this.#encoding.then(() => pause(this.#options.encodeMs));
    await this.#encoding;
  }

  async #answer(response: ServerResponse): Promise<void> {
    const { tokens, tokenMs } = this.#options;
    response.writeHead(200, { "content-type": "text/event-stream" });
    const head = { id: `chatcmpl-${numAnswers++}`, object: "chat.completion.chunk", created: 1, model: "m" };
    const write = (choices: unknown[], more = {}) =>
      response.write(`data: ${JSON.stringify({ ...head, choices, ...more })}\n\n`);
    for (let i = 0; i < tokens && !response.destroyed; i++) {
      if (i > 0 && tokenMs > 0) await pause(tokenMs);
      write([{ index: 0, delta: { content: " word" }, finish_reason: null }]);
    }
    write([{ index: 0, delta: {}, finish_reason: "stop" }]);
    write([], { usage: { prompt_tokens: 10, completion_tokens: tokens, total_tokens: 10 + tokens } });
    response.end("data: [DONE]\n\n");
  }
}

let numAnswers = 0;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

async function main(options: StandInOptions): Promise<void> {
  const urls = await Promise.all(
    Array.from({ length: options.engines }, async () => {
      const engine = new StandIn(options);
      const server = createServer(
        (request, response) => void engine.serve(request, response).catch(() => response.destroy()),
      );
      await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    }),
  );
  process.stdout.write(`${JSON.stringify(urls)}\n`);
  process.stdin.resume().once("end", () => process.exit(0));
}

if (process.argv[2]?.startsWith("{")) await main(JSON.parse(process.argv[2]) as StandInOptions);
