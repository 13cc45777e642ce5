/**
 * The server as the page sees it: OpenAI's wire format by fetch and server-sent events. Addresses are relative, so that the
 * page also works behind a proxy that puts a path before it.
 */
import type {
  AllowProposal,
  AttentionRequest,
  ChatChunk,
  ChatCompletion,
  ChatRequest,
  DocumentImagesRequest,
  ErrorBody,
  GuardReplayRequest,
  GuardState,
  ImageTextRequest,
  ModelDescription,
  Moderation,
  ModerationPart,
  ModerationResult,
  WireAdminState,
  WireAlias,
  WireAttention,
  WireCollection,
  WireDiff,
  WireDocumentImages,
  WireDuplicates,
  WireEntry,
  WireExamination,
  WireFigures,
  WireGuardReplay,
  WireHistory,
  WireHit,
  WireImageText,
  WireModel,
} from "../../src/protocol/index.js";
import type { ApiDocument } from "./api-docs/document.js";
import { storedKey } from "./preferences.js";

/** The page says it by its code (`problems.ts`); the message is for who wants to know more. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string | null;
  readonly requestId: string | null;
  readonly param: string | null;
  /** When the server wants to be asked again, where it said so. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    status: number,
    code: string | null = null,
    requestId: string | null = null,
    param: string | null = null,
    retryAfterMs?: number,
  ) {
    super(message);
    this.retryAfterMs = retryAfterMs;
    this.status = status;
    this.code = code;
    this.requestId = requestId;
    this.param = param;
  }
}

export type Health = "ok" | "loading" | "draining" | "unreachable";

export async function readHealth(): Promise<Health> {
  try {
    const response = await fetch(address("health/ready"));
    return ((await response.json()) as { status: Health }).status;
  } catch {
    return "unreachable";
  }
}

/** Every call of the server. @throws ApiError */
export async function readApiDocument(): Promise<ApiDocument> {
  return json(await send("openapi.json"));
}

/** @throws ApiError */
export async function listModels(): Promise<WireModel[]> {
  return (await json<{ data: WireModel[] }>(await send("v1/models"))).data;
}

/** What is inside a loaded model. @throws ApiError */
export async function describeModel(id: string): Promise<ModelDescription> {
  return json(await send(`v1/ocellus/models/${id.split("/").map(encodeURIComponent).join("/")}/description`));
}

/** A loaded model, or a version of the registry. */
export interface Examined {
  readonly kind: "model" | "version";
  readonly id: string;
}

/** Every value of it, as far as these were read. @throws ApiError */
export async function readExamination(examined: Examined): Promise<WireExamination> {
  return json(await send(...examinationOf(examined)));
}

/** Begins to read every value. @throws ApiError */
export async function beginExamination(examined: Examined): Promise<WireExamination> {
  const [path, options] = examinationOf(examined);
  return json(await send(path, { ...options, body: {} }));
}

function examinationOf({ kind, id }: Examined): [path: string, options: SendOptions] {
  const name = id.split("/").map(encodeURIComponent).join("/");
  if (kind === "model") return [`v1/ocellus/models/${name}/examination`, {}];
  return [`admin/v1/versions/${name}/examination`, { key: "adminKey" }];
}

/** Unit vectors of the model's own, one for each input. @throws ApiError */
export async function embed(model: string, input: readonly unknown[]): Promise<number[][]> {
  const response = await send("v1/embeddings", { body: { model, input } });
  return (await json<{ data: { embedding: number[] }[] }>(response)).data.map(({ embedding }) => embedding);
}

/** Where a model looks as it writes each token of the answer that ends the conversation. @throws ApiError */
export async function readAttention(request: AttentionRequest, signal: AbortSignal): Promise<WireAttention> {
  return json(await send("v1/ocellus/attention", { body: request, signal }));
}

/** Pages of a PDF as images, at most 16. @throws ApiError, also when the server cannot read PDFs. */
export async function readDocumentImages(request: DocumentImagesRequest): Promise<WireDocumentImages> {
  return json(await send("v1/ocellus/documents/images", { body: request }));
}

/** The lines of text in an image. @throws ApiError; `unsupported` where the server has no OCR. */
export async function readImageText(request: ImageTextRequest, signal: AbortSignal): Promise<WireImageText> {
  return json(await send("v1/ocellus/text", { body: request, signal }));
}

/** The policy in force, and one's own recent verdicts. @throws ApiError */
export async function readGuards(): Promise<GuardState> {
  return json(await send("v1/ocellus/guards"));
}

/** Texts and pictures together. @throws ApiError */
export async function moderate(input: readonly ModerationPart[]): Promise<ModerationResult> {
  return (await json<Moderation>(await send("v1/moderations", { body: { input } }))).results[0]!;
}

/** Says that something was no hit. @throws ApiError */
export async function proposeAllowed(proposal: AllowProposal): Promise<void> {
  await send("v1/ocellus/guards/proposals", { body: proposal });
}

/** @throws ApiError, also when the server keeps none. */
export async function listCollections(): Promise<WireCollection[]> {
  return (await json<{ data: WireCollection[] }>(await send(collections))).data;
}

/** @throws ApiError */
export async function searchCollection(name: string, query: object): Promise<WireHit[]> {
  const response = await send(`${collections}/${encodeURIComponent(name)}/search`, { body: query });
  return (await json<{ data: WireHit[] }>(response)).data;
}

/** Of equal pixels; with a score also those at least so alike. @throws ApiError */
export async function findDuplicates(name: string, minScore?: number): Promise<WireDuplicates> {
  const query = minScore === undefined ? "" : `?min_score=${minScore}`;
  const response = await send(`${collections}/${encodeURIComponent(name)}/duplicates${query}`);
  return (await json<{ data: WireDuplicates }>(response)).data;
}

/** With its text. @throws ApiError */
export async function readEntry(name: string, id: number, signal: AbortSignal): Promise<WireEntry> {
  return json(await send(`${collections}/${encodeURIComponent(name)}/entries/${id}`, { signal }));
}

/** The small copy of an entry's picture; by its pixels too, for browsers keep what they had at an address. @throws ApiError */
export async function entryPicture(
  name: string,
  { id, pixels }: Pick<WireEntry, "id" | "pixels">,
  signal?: AbortSignal,
): Promise<Blob> {
  const path = `${collections}/${encodeURIComponent(name)}/entries/${id}/image?pixels=${pixels}`;
  return (await send(path, signal ? { signal } : {})).blob();
}

export type GuardRule = GuardReplayRequest["rule"];

/** What one more rule would have done to the audit log's last days. @throws ApiError */
export async function replayGuards(rule: GuardRule, days: number): Promise<WireGuardReplay> {
  return json(await send("admin/v1/guards/replay", { body: { rule, days }, key: "adminKey" }));
}

const collections = "v1/ocellus/collections";

/** Versions and aliases. @throws ApiError, also when the server has no registry. */
export async function readAdminState(): Promise<WireAdminState> {
  return json(await send("admin/v1/state", { key: "adminKey" }));
}

/** The newest entries. @throws ApiError */
export async function readHistory(): Promise<WireHistory> {
  return json(await send("admin/v1/history", { key: "adminKey" }));
}

/** What an alias's versions answered like in the last minutes. @throws ApiError */
export async function readFigures(alias: string, minutes: number): Promise<WireFigures> {
  const path = `admin/v1/aliases/${encodeURIComponent(alias)}/figures?minutes=${minutes}`;
  return json(await send(path, { key: "adminKey" }));
}

/** What differs between two versions, as far as it is known. @throws ApiError */
export async function readDiff(a: string, b: string): Promise<WireDiff> {
  return json(await send(`admin/v1/diff?${new URLSearchParams({ a, b })}`, { key: "adminKey" }));
}

/** Begins to compare every value. @throws ApiError */
export async function compareValues(a: string, b: string): Promise<WireDiff> {
  return json(await send("admin/v1/diff", { body: { a, b }, key: "adminKey" }));
}

/** What is done with another version. */
export type Beginning = "deploy" | "shadow" | "canary";
export type AliasCommand = Beginning | "promote" | "rollback" | "pause" | "resume";

/** @throws ApiError, also when the alias has moved on since somebody looked. */
export async function changeAlias(alias: string, command: AliasCommand, body: object): Promise<WireAlias> {
  return json(await send(`admin/v1/aliases/${encodeURIComponent(alias)}/${command}`, { body, key: "adminKey" }));
}

/** One metric with its readings, as prom-client writes them. */
export interface Metric {
  readonly name: string;
  readonly values: readonly {
    readonly value: number;
    readonly labels: Readonly<Record<string, string>>;
    readonly metricName?: string;
  }[];
}

/** @throws ApiError */
export async function readMetrics(): Promise<Metric[]> {
  return json(await send("metrics", { accept: "application/json" }));
}

/** An answer that is wanted whole. @throws ApiError */
export async function completeChat(request: ChatRequest, signal: AbortSignal): Promise<ChatCompletion> {
  return json(await send("v1/chat/completions", { body: request, signal }));
}

/** Leaving the iteration, or the signal, hangs up: the server stops within a step. @throws ApiError */
export async function* streamChat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatChunk> {
  const body = { ...request, stream: true, stream_options: { include_usage: true } };
  const response = await send("v1/chat/completions", { body, signal });
  const requestId = response.headers.get("x-request-id");
  for await (const data of eventData(response.body!)) {
    if (data === "[DONE]") return;
    const event = JSON.parse(data) as ChatChunk | ErrorBody;
    if ("error" in event) throw new ApiError(event.error.message, 500, event.error.code, requestId, event.error.param);
    yield event;
  }
  throw new ApiError("the answer broke off: the connection was closed", 0, "broken", requestId);
}

interface SendOptions {
  readonly body?: unknown;
  readonly accept?: string;
  readonly signal?: AbortSignal;
  readonly key?: "key" | "adminKey";
}

async function send(path: string, { body, accept, signal, key: name }: SendOptions = {}): Promise<Response> {
  const key = storedKey(name);
  const headers = {
    ...(body !== undefined && { "content-type": "application/json" }),
    ...(accept && { accept }),
    ...(key && { authorization: `Bearer ${key}` }),
  };
  const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(address(path), { ...init, headers, signal: signal ?? null }).catch((cause: unknown) => {
    if (signal?.aborted) throw cause;
    throw new ApiError("the server does not answer; is it still running?", 0, "unreachable");
  });
  if (response.ok) return response;
  const found = (await response.json().catch(() => undefined)) as ErrorBody | undefined;
  const { message = `the server answered ${response.status}`, code, param } = found?.error ?? {};
  const retryAfterMs = 1000 * Number(response.headers.get("retry-after")) || undefined;
  throw new ApiError(message, response.status, code, response.headers.get("x-request-id"), param, retryAfterMs);
}

function json<T>(response: Response): Promise<T> {
  return response.json() as Promise<T>;
}

function address(path: string): URL {
  return new URL(path, document.baseURI);
}

/** The `data:` of each event. Our server writes one line for each. */
async function* eventData(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let held = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (held + decoder.decode(value, { stream: true })).split("\n");
      held = lines.pop()!;
      for (const line of lines) if (line.startsWith("data: ")) yield line.slice(6);
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
