/**
 * What an engine can do, found by asking it: a text, an image of 64 pixels a side, an answer within a schema, a call of a tool,
 * probabilities. An engine that says nothing against a wish and ignores it cannot do it.
 */
import { OcellusError } from "../core/base/index.js";
import { encodePng } from "../core/image/node/index.js";
import type { EngineEvent } from "./chunk.js";
import { EngineClient, type EngineClientOptions } from "./client.js";
import { checkKeyVariable, type EngineDescription } from "./description.js";
import type { EngineFacts } from "./facts.js";
import { type EngineKind, engineTraits } from "./kinds.js";
import type { EngineRequest } from "./request.js";

export interface ProbeOptions extends Omit<EngineClientOptions, "kind"> {
  /** Default: what the engine's list of models gives it away as. */
  readonly kind?: EngineKind | undefined;
  /** Where the engine does not say it. Default 32768. */
  readonly maxLength?: number | undefined;
  /** Default: llama-server's slots, else 64. */
  readonly maxSequences?: number | undefined;
  /** Default 4 megapixels. */
  readonly maxPixels?: number | undefined;
}

export interface Finding {
  readonly what: "images" | "tools" | "schema" | "logprobs" | "usage" | "thinking";
  readonly can: boolean;
  /** Why not, as far as the engine says. */
  readonly reason?: string;
}

export interface Probed {
  readonly description: EngineDescription;
  readonly findings: readonly Finding[];
}

export const defaultMaxLength = 32_768;
const defaultMaxSequences = 64;
/** 2048 × 2048: what most checkpoints of today take at most. */
export const defaultMaxPixels = 2 ** 22;

/** @throws `invalid_request` for a key's variable, `not_found` for a model that it does not have, `unavailable`, `timeout`, `aborted` */
export async function probeEngine(options: ProbeOptions, signal?: AbortSignal): Promise<Probed> {
  const { maxLength, maxSequences, maxPixels = defaultMaxPixels, ...rest } = options;
  checkKeyVariable(options.apiKeyEnv);
  const kind = options.kind ?? (await kindOf(rest, signal));
  const client = new EngineClient({ ...rest, kind });
  try {
    const reported = await client.reported(signal);
    const probe = new Probe(client, signal);
    const findings = await probe.run();
    const can = (what: Finding["what"]) => findings.some((found) => found.what === what && found.can);
    const description: EngineDescription = {
      ...{ schemaVersion: 1, kind, url: client.url, model: options.model, reported, maxPixels },
      ...(options.apiKeyEnv !== undefined && { apiKeyEnv: options.apiKeyEnv }),
      can: {
        ...{ images: can("images"), tools: can("tools"), schema: can("schema"), logprobs: can("logprobs") },
        ...(probe.thinking && { thinking: probe.thinking }),
      },
      maxLength: maxLength ?? lengthIn(reported) ?? defaultMaxLength,
      maxSequences: maxSequences ?? numberIn(reported, "total_slots") ?? defaultMaxSequences,
    };
    return { description, findings };
  } finally {
    await client.close();
  }
}

/** By who says to own the models of its list. */
async function kindOf(
  options: Omit<EngineClientOptions, "kind">,
  signal: AbortSignal | undefined,
): Promise<EngineKind> {
  const client = new EngineClient({ ...options, kind: "openai" });
  try {
    const models = await client.models(signal);
    const { owned_by, ocellus } = models.find(({ id }) => id === options.model) ?? models[0] ?? {};
    if (ocellus) return "ocellus";
    const owners: Readonly<Record<string, EngineKind>> = { vllm: "vllm", sglang: "sglang", llamacpp: "llama-server" };
    return owners[owned_by ?? ""] ?? "openai";
  } finally {
    await client.close();
  }
}

/** Its context, in whichever words it reports it. */
export function lengthIn(reported: EngineFacts): number | undefined {
  return numberIn(reported, "max_model_len") ?? numberIn(reported, "n_ctx") ?? numberIn(reported, "max_length");
}

function numberIn(reported: EngineFacts, name: string): number | undefined {
  const value = reported[name];
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : undefined;
}

interface Answer {
  readonly text: string;
  /** Names of the tools that it called. */
  readonly calls: readonly string[];
  readonly hasThoughts: boolean;
  readonly numAlternatives: number;
  readonly promptTokens: number | undefined;
}

/** Words that say nothing of JSON or tools: what comes then comes of the constraint. */
const question = "Say one word about the sea.";
const schema = {
  type: "object",
  properties: { colour: { type: "string", enum: ["red", "green"] } },
  required: ["colour"],
  additionalProperties: false,
};
const tool = {
  type: "function",
  function: { name: "note_colour", description: "Notes a colour.", parameters: schema },
};

class Probe {
  readonly #client: EngineClient;
  readonly #signal: AbortSignal | undefined;
  thinking: EngineDescription["can"]["thinking"];

  constructor(client: EngineClient, signal: AbortSignal | undefined) {
    this.#client = client;
    this.#signal = signal;
  }

  async run(): Promise<Finding[]> {
    const plain = await this.#ask("text", { maxTokens: 16 });
    if (plain.hasThoughts) this.thinking = (await this.#canBeCalm()) ? "hybrid" : "always";
    const hasUsage = plain.promptTokens !== undefined;
    return [
      await this.#images(plain),
      await this.#schema(),
      await this.#tools(),
      await this.#logprobs(),
      { what: "usage", can: hasUsage, ...(!hasUsage && { reason: "it counts no tokens; events are counted instead" }) },
      { what: "thinking", can: this.thinking !== undefined },
    ];
  }

  /** Tokens for an answer of some ten, behind thoughts that cannot be turned off. */
  get #room(): number {
    return this.thinking === "always" ? 2048 : 64;
  }

  async #canBeCalm(): Promise<boolean> {
    if (!engineTraits[this.#client.kind].extra.chat_template_kwargs) return false;
    return !(await this.#ask("calm", { maxTokens: 16, enableThinking: false })).hasThoughts;
  }

  /** Seen where its tokens are counted, or where nothing is counted and nothing is said against it. */
  #images(plain: Answer): Promise<Finding> {
    return this.#find("images", async () => {
      const data = new Uint8Array(64 * 64 * 3).fill(200);
      const png = Buffer.from(await encodePng({ width: 64, height: 64, data })).toString("base64");
      const image = { type: "image_url", image_url: { url: `data:image/png;base64,${png}` } } as const;
      const content = [image, { type: "text", text: question } as const];
      const { promptTokens } = await this.#ask("images", { maxTokens: 1 }, content);
      if (promptTokens === undefined || plain.promptTokens === undefined || promptTokens > plain.promptTokens)
        return undefined;
      return "it takes an image and counts no token for it";
    });
  }

  #schema(): Promise<Finding> {
    return this.#find("schema", async () => {
      const responseFormat = { type: "json_schema", schema } as const;
      const { text } = await this.#ask("schema", { maxTokens: this.#room, responseFormat });
      return keepsTo(text) ? undefined : "it answers with something else than the schema allows";
    });
  }

  /** Both: with "auto" some engines refuse, with "required" some do as they like. */
  #tools(): Promise<Finding> {
    return this.#find("tools", async () => {
      const tools = [tool];
      const signature = { name: "note_colour", parameters: schema };
      await this.#ask("tools-auto", { maxTokens: 8, tools, toolConstraint: { tools: [signature], choice: "auto" } });
      const required = { tools: [signature], choice: "required" } as const;
      const { calls } = await this.#ask("tools-required", { maxTokens: this.#room, tools, toolConstraint: required });
      return calls.includes("note_colour") ? undefined : "it was to call a tool, and did not";
    });
  }

  #logprobs(): Promise<Finding> {
    return this.#find("logprobs", async () => {
      const { numAlternatives } = await this.#ask("logprobs", {
        maxTokens: 2,
        sampling: { logprobs: true, top_logprobs: 5 },
      });
      return numAlternatives > 0 ? undefined : "it reports none";
    });
  }

  /** @param ask gives the reason why it cannot; a refusal is one too, any other error is not */
  async #find(what: Finding["what"], ask: () => Promise<string | undefined>): Promise<Finding> {
    try {
      const reason = await ask();
      return reason === undefined ? { what, can: true } : { what, can: false, reason };
    } catch (error) {
      const isRefusal = error instanceof OcellusError && refusals.includes(error.code);
      const isServerFault = error instanceof OcellusError && error.details.status === 500; // llama-server, of images
      if (isRefusal || isServerFault) return { what, can: false, reason: String(error.details.said ?? error.message) };
      throw error;
    }
  }

  /** @param what in the engine's log */
  async #ask(
    what: string,
    options: Partial<EngineRequest>,
    content: EngineRequest["messages"][number]["content"] = question,
  ) {
    const sampling = { temperature: 0, ...options.sampling };
    const calm = this.thinking === "hybrid" ? { enableThinking: false } : {};
    const request: EngineRequest = {
      ...calm,
      ...options,
      requestId: `ocellus-probe-${what}`,
      sampling,
      messages: [{ role: "user", content }],
    };
    return gather(this.#client.chat(request, this.#signal));
  }
}

const refusals: readonly string[] = ["invalid_request", "unsupported", "too_large"];

async function gather(events: AsyncIterable<EngineEvent>): Promise<Answer> {
  const calls: string[] = [];
  let [text, hasThoughts, numAlternatives] = ["", false, 0];
  let promptTokens: number | undefined;
  for await (const event of events) {
    if (event.type === "end") promptTokens = event.usage?.promptTokens;
    else if (event.type === "toolCall") calls.push(...(event.name === undefined ? [] : [event.name]));
    else {
      if (event.type === "text") text += event.text;
      else hasThoughts = true;
      numAlternatives += event.tokens.reduce((sum, { topLogprobs }) => sum + topLogprobs.length, 0);
    }
  }
  return { text, calls, hasThoughts, numAlternatives, promptTokens };
}

/** Or begins to: between the parts of an answer some engines allow whitespace without end, which weak models then write. */
function keepsTo(text: string): boolean {
  const written = text.replace(/\s+/g, "");
  return written !== "" && ['{"colour":"red"}', '{"colour":"green"}'].some((whole) => whole.startsWith(written));
}
