/**
 * What the client relies on, asked of an engine: of a real one when it is recorded and at night, of its recording and of the
 * stand-in in every run. An engine has random weights: what it says is of no interest, only how.
 */
import { OcellusError } from "../../src/core/base/index.js";
import { encodePng } from "../../src/core/image/node/index.js";
import {
  EngineClient,
  type EngineEvent,
  type EngineKind,
  type EngineRequest,
  type Finding,
  probeEngine,
} from "../../src/engines/index.js";

export interface Observed {
  /** Facts by name, of /v1/models and the pages of its kind. */
  readonly reported: readonly string[];
  readonly load: readonly string[];
  /** What the probe found that it can do. */
  readonly can: readonly Finding["what"][];
  readonly text: { readonly finish: string; readonly hasUsage: boolean; readonly hasText: boolean };
  /** Whether an image that was sent before goes by its name alone, and is counted the same. */
  readonly namedImage: { readonly named: boolean; readonly sameTokens: boolean };
  /** Code and status of refusals. */
  readonly unknownImage: string;
  readonly tooLong: string;
  readonly otherModel: string;
}

interface Answer {
  readonly text: string;
  readonly end: Extract<EngineEvent, { type: "end" }>;
}

export async function observe(kind: EngineKind, url: string, model: string): Promise<Observed> {
  const client = new EngineClient({ kind, url, model });
  const other = new EngineClient({ kind, url, model: "no-such-model" });
  try {
    const { findings } = await probeEngine({ kind, url, model });
    const ask = (name: string, request: Partial<EngineRequest>, of = client) => answer(of, name, request);
    const text = await ask("text", { maxTokens: 4 });
    const picture = await imagePart("recorded-image-1");
    const first = await orCode(ask("image", { maxTokens: 2, messages: about(picture) }));
    const again = await orCode(ask("image-again", { maxTokens: 2, messages: about(picture) }));
    const unknown = { ...picture, image_url: null, uuid: "never-seen" };
    await client.checkHealth();
    return {
      reported: Object.keys(await client.reported()).sort(),
      load: Object.keys((await client.load()) ?? {}).sort(),
      can: findings.filter(({ can }) => can).map(({ what }) => what),
      text: { finish: text.end.finishReason, hasUsage: text.end.usage !== undefined, hasText: text.text !== "" },
      namedImage: {
        named: typeof again !== "string" && again.end.namedImages !== undefined,
        sameTokens: promptTokens(first) === promptTokens(again),
      },
      unknownImage: codeOf(await orCode(ask("unknown-image", { maxTokens: 1, messages: about(unknown) }))),
      tooLong: codeOf(await orCode(ask("too-long", { maxTokens: 1, messages: said("word ".repeat(9000)) }))),
      otherModel: codeOf(await orCode(ask("other-model", { maxTokens: 1 }, other))),
    };
  } finally {
    await client.close();
    await other.close();
  }
}

async function answer(client: EngineClient, name: string, request: Partial<EngineRequest>): Promise<Answer> {
  const whole = { messages: said("Hello."), sampling: { temperature: 0 }, ...request, requestId: `contract-${name}` };
  let text = "";
  for await (const event of client.chat(whole)) {
    if (event.type === "end") return { text, end: event };
    if (event.type === "text") text += event.text;
  }
  throw new Error("an answer without an end");
}

function said(content: string): EngineRequest["messages"] {
  return [{ role: "user", content }];
}

type ImagePart = Awaited<ReturnType<typeof imagePart>>;

function about(picture: Omit<ImagePart, "image_url"> & { readonly image_url: ImagePart["image_url"] | null }) {
  return [{ role: "user" as const, content: [picture, { type: "text" as const, text: "What is this?" }] }];
}

async function imagePart(uuid: string) {
  const data = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7) % 256);
  const png = Buffer.from(await encodePng({ width: 64, height: 64, data })).toString("base64");
  return { type: "image_url" as const, image_url: { url: `data:image/png;base64,${png}` }, uuid };
}

async function orCode(asked: Promise<Answer>): Promise<Answer | string> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof OcellusError) || error.details.fault !== "status") throw error;
    return `${error.code} ${error.details.status}`;
  }
}

function promptTokens(found: Answer | string): number | undefined {
  return typeof found === "string" ? undefined : found.end.usage?.promptTokens;
}

function codeOf(found: Answer | string): string {
  return typeof found === "string" ? found : "answered";
}
