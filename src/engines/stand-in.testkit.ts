/**
 * A stand-in for an engine: the routes of each kind with the shapes that the real ones were recorded with
 * (test/engines/recorded/, by test/engines/record.ts), answers by script, and faults on demand. It writes down every request.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import type { EngineKind } from "./kinds.js";

// biome-ignore lint/suspicious/noExplicitAny: JSON as it came
type Json = any;

export interface StandInAnswer {
  readonly text?: string;
  readonly reasoning?: string;
  readonly toolCalls?: readonly { readonly name: string; readonly arguments: string }[];
  readonly finishReason?: string;
}

export interface StandInRequest {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Json;
  readonly numBytes: number;
  /** Whether the client left before the answer was whole. */
  wasLeft: boolean;
}

export interface StandInOptions {
  readonly kind?: EngineKind;
  model?: string;
  maxModelLen?: number;
  version?: string;
  /** What it answers. Default: words that say what it saw. */
  answer?: (body: Json) => StandInAnswer | Promise<StandInAnswer>;
  /** Images that it remembers by their `uuid`. Default 64; 0: its caches are off. */
  readonly mostImages?: number;
  /** Milliseconds between tokens. Default 0. */
  tokenMs?: number;
  /** In place of everything that it would do with a question. @returns whether it has answered */
  fault?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Whether it honours response_format, tools and logprobs, and reads images. Default: all. */
  readonly lacks?: readonly ("schema" | "tools" | "logprobs" | "images")[];
}

export interface StandIn {
  readonly url: string;
  readonly options: StandInOptions;
  readonly seen: StandInRequest[];
  readonly images: Set<string>;
  /** As a restart does. */
  closeConnections(): void;
  numConnections(): Promise<number>;
  close(): Promise<void>;
}

/** Ends with its test. */
export async function startStandIn(options: StandInOptions = {}): Promise<StandIn> {
  const seen: StandInRequest[] = [];
  const images = new Set<string>();
  const server = createServer((request, response) => {
    void serve({ options, seen, images }, request, response).catch((error: unknown) =>
      response.destroy(error as Error),
    );
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    await new Promise<void>((closed) => server.close(() => closed()));
  };
  const numConnections = () =>
    new Promise<number>((found, fail) => server.getConnections((error, count) => (error ? fail(error) : found(count))));
  onTestFinished(close);
  return {
    url: `http://127.0.0.1:${port}`,
    options,
    seen,
    images,
    closeConnections: () => server.closeAllConnections(),
    numConnections,
    close,
  };
}

/** One that speaks bytes: for what no HTTP server would do. Ends with its test. */
export async function startRaw(onRequest: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", () => onRequest(socket));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((closed) => server.close(() => closed()));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface State {
  readonly options: StandInOptions;
  readonly seen: StandInRequest[];
  readonly images: Set<string>;
}

async function serve({ options, seen, images }: State, request: IncomingMessage, response: ServerResponse) {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  const text = Buffer.concat(pieces);
  const path = request.url ?? "/";
  const body = text.length > 0 ? JSON.parse(text.toString()) : undefined;
  const noted: StandInRequest = { path, headers: request.headers, body, numBytes: text.length, wasLeft: false };
  seen.push(noted);
  response.once("close", () => {
    noted.wasLeft = !response.writableFinished;
  });
  const page = pages(options)[path];
  if (page !== undefined) return send(response, 200, page);
  if (path !== "/v1/chat/completions") return send(response, 404, { detail: "Not Found" });
  if (options.fault?.(request, response)) return;
  const refusal = refusalOf(body, options) ?? forgotten(body, images, options);
  if (refusal) return send(response, refusal.error.code, refusal);
  await stream(response, body, options);
}

function pages(options: StandInOptions): Record<string, unknown> {
  const { kind = "openai", model = "stand-in", maxModelLen = 4096, version = "0.32.0" } = options;
  const card = {
    id: model,
    object: "model",
    created: 1_790_000_000,
    owned_by: kind === "llama-server" ? "llamacpp" : kind,
  };
  const metrics = {
    vllm: `vllm:num_requests_running{engine="0",model_name="${model}"} 2.0\nvllm:num_requests_waiting{engine="0",model_name="${model}"} 1.0\nvllm:kv_cache_usage_perc{engine="0",model_name="${model}"} 0.25\n`,
    sglang: `sglang:num_running_reqs{model_name="${model}"} 2.0\nsglang:num_queue_reqs{model_name="${model}"} 1.0\nsglang:token_usage{model_name="${model}"} 0.25\n`,
    "llama-server": "llamacpp:requests_processing 2\nllamacpp:requests_deferred 1\n",
  }[kind as "vllm"];
  return {
    "/health": kind === "llama-server" ? { status: "ok" } : "",
    "/health/ready": { status: "ready" },
    "/v1/models": { object: "list", data: [{ ...card, ...modelFacts(kind, model, maxModelLen, version) }] },
    ...(kind === "vllm" && { "/version": { version } }),
    ...(kind === "sglang" && { "/server_info": { version } }),
    ...(kind === "llama-server" && {
      "/props": { build_info: version, total_slots: 4, default_generation_settings: { n_ctx: maxModelLen } },
    }),
    ...(metrics && { "/metrics": metrics }),
  };
}

function modelFacts(kind: EngineKind, model: string, max_model_len: number, version: string) {
  if (kind === "vllm" || kind === "sglang") return { root: `/models/${model}`, parent: null, max_model_len };
  if (kind === "llama-server")
    return { meta: { n_ctx: max_model_len, n_ctx_train: max_model_len, n_params: 1_000_000, size: 2_000_000 } };
  if (kind === "ocellus") return { ocellus: { version, max_length: max_model_len, weights: "int4" } };
  return {};
}

function imagesIn(body: Json): Json[] {
  return body.messages.flatMap(({ content }: Json) =>
    Array.isArray(content) ? content.filter(({ type }: Json) => type === "image_url") : [],
  );
}

function refusalOf(body: Json, { kind, model = "stand-in", lacks = [], maxModelLen = 4096 }: StandInOptions) {
  const isOther = body.model !== model && kind !== "llama-server"; // which has one model, and answers by any name
  if (isOther) return errorBody(`The model \`${body.model}\` does not exist.`, "NotFoundError", 404);
  const numTokens = JSON.stringify(body.messages).split(/\s+/).length;
  if (numTokens > maxModelLen) return { error: tooLong(kind, numTokens, maxModelLen) };
  if (lacks.includes("images") && imagesIn(body).length > 0)
    return errorBody("At most 0 image(s) may be provided in one prompt.", "BadRequestError");
  return undefined;
}

/** In the words that were recorded. */
function tooLong(kind: EngineKind | undefined, numTokens: number, most: number) {
  if (kind === "llama-server") {
    const message = `request (${numTokens} tokens) exceeds the available context size (${most} tokens), try increasing it`;
    const type = "exceed_context_size_error";
    return { code: 400, message, type, n_prompt_tokens: numTokens, n_ctx: most };
  }
  const message = `This model's maximum context length is ${most} tokens. However, your prompt contains at least ${most + 1} input tokens, which exceeds this limit even without any output tokens.`;
  return { message, type: "BadRequestError", param: "input_tokens", code: 400 };
}

/** As vLLM: an image by its name alone is there, or the request is refused. */
function forgotten(body: Json, images: Set<string>, { mostImages = 64 }: StandInOptions) {
  for (const [i, { image_url, uuid }] of imagesIn(body).entries()) {
    if (image_url === null && !images.has(uuid))
      return errorBody(`Cache miss for image at index ${i} but data is not provided.`, "BadRequestError");
    if (uuid === undefined || mostImages === 0) continue;
    images.delete(uuid);
    images.add(uuid);
    if (images.size > mostImages) images.delete(images.values().next().value!);
  }
  return undefined;
}

function errorBody(message: string, type: string, code = 400) {
  return { error: { message, type, param: null, code } };
}

async function stream(response: ServerResponse, body: Json, options: StandInOptions) {
  const { kind = "openai", lacks = [], tokenMs = 0 } = options;
  const answer = (await options.answer?.(body)) ?? defaultAnswer(body, lacks);
  const head = {
    id: `chatcmpl-${seenIds++}`,
    object: "chat.completion.chunk",
    created: 1_790_000_000,
    model: body.model,
  };
  const write = (choices: readonly unknown[], more = {}) =>
    response.write(`data: ${JSON.stringify({ ...head, choices, ...more })}\n\n`);
  const choice = (delta: object, more = {}) => [{ index: 0, delta, logprobs: null, finish_reason: null, ...more }];
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  write(choice({ role: "assistant", content: "" }));
  const thought = kind === "vllm" ? "reasoning" : "reasoning_content";
  for (const word of wordsOf(answer.reasoning)) write(choice({ [thought]: word }));
  let numTokens = 0;
  const { max_tokens: most = Number.POSITIVE_INFINITY } = body;
  for (const word of wordsOf(answer.text).slice(0, most)) {
    if (response.destroyed) return;
    if (tokenMs > 0) await new Promise((resolve) => setTimeout(resolve, tokenMs));
    const logprobs =
      body.logprobs && !lacks.includes("logprobs") ? { logprobs: { content: [tokenOf(word, body)] } } : {};
    write(choice({ content: word }, logprobs));
    numTokens++;
  }
  for (const [index, call] of (answer.toolCalls ?? []).entries()) {
    write(
      choice({
        tool_calls: [{ index, id: `call_${index}`, type: "function", function: { name: call.name, arguments: "" } }],
      }),
    );
    for (const piece of call.arguments.match(/.{1,4}/gs) ?? [])
      write(choice({ tool_calls: [{ index, function: { arguments: piece } }] }));
  }
  const called = (answer.toolCalls ?? []).length > 0;
  write(
    choice(
      {},
      {
        finish_reason: answer.finishReason ?? (called ? "tool_calls" : numTokens >= most ? "length" : "stop"),
        stop_reason: null,
      },
    ),
  );
  const promptTokens = 40 + 64 * imagesIn(body).length;
  const usage = { prompt_tokens: promptTokens, total_tokens: promptTokens + numTokens, completion_tokens: numTokens };
  write([], { usage: { ...usage, prompt_tokens_details: { cached_tokens: 16 } } });
  response.end("data: [DONE]\n\n");
}

let seenIds = 0;

/** What it saw, and what it was asked for: a schema gets a value, tools a call. */
function defaultAnswer(body: Json, lacks: readonly string[]): StandInAnswer {
  const [tool] = body.tools ?? [];
  if (tool && !lacks.includes("tools") && body.tool_choice !== "none")
    return {
      toolCalls: [{ name: tool.function.name, arguments: JSON.stringify(leastValueOf(tool.function.parameters)) }],
    };
  const schema = body.response_format?.json_schema?.schema;
  if (schema && !lacks.includes("schema")) return { text: JSON.stringify(leastValueOf(schema)) };
  return { text: `I see ${imagesIn(body).length} images.` };
}

/** The least value of a schema of the simple kind. */
function leastValueOf(schema: Json): unknown {
  if (schema?.enum) return schema.enum[0];
  if (schema?.type === "object" || schema?.properties)
    return Object.fromEntries(
      Object.entries(schema.properties ?? {}).map(([name, each]) => [name, leastValueOf(each)]),
    );
  return { string: "text", number: 1.5, integer: 1, boolean: true, array: [] }[schema?.type as string] ?? null;
}

function wordsOf(text = ""): string[] {
  return text.match(/\s*\S+|\s+$/g) ?? [];
}

function tokenOf(token: string, { top_logprobs = 0 }: Json) {
  const of = (text: string, logprob: number) => ({ token: text, logprob, bytes: [...Buffer.from(text)] });
  const top = [of(token, -0.1), of(" other", -2.5), of(" rare", -9999)].slice(0, top_logprobs);
  return { ...of(token, -0.1), top_logprobs: top };
}

function send(response: ServerResponse, status: number, body: unknown) {
  const isText = typeof body === "string";
  response.writeHead(status, { "content-type": isText ? "text/plain" : "application/json" });
  response.end(isText ? body : JSON.stringify(body));
}
