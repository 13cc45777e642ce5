/**
 * Zoom on doubt: an answer by a JSON schema is asked for at low detail; fields that it is not sure of are asked for again of the part
 * of the image where they stand, at full detail, and the surer answer is taken. A middleware, and the outermost one: each
 * question is a request of its own, which guardrails see with its image and its answer. What is joined satisfies the schema
 * (grammar/replaced.ts). docs/fields.md
 */
import { OcellusError } from "../base/index.js";
import { answerLeaves, type Fields, isExchangeable, withLeafOf } from "../grammar/index.js";
import { decodeAndDigest, LoadedImage } from "../image/loaded/index.js";
import { attendedTile, type Box, cropped, type RgbImage, widened } from "../image/spec/index.js";
import type { ChatMessage, ContentPart } from "../processor/portable.js";
import type { ChatEvent, ChatOptions, ChatResult, ChatToken, Prepared } from "./chat.js";
import type { LanguageModel, Middleware } from "./language-model.js";
import { collect } from "./stream-chat.js";
import type { ZoomedField, ZoomOptions } from "./zoomed-field.js";

const defaults = { threshold: 0.9, maxQuestions: 3 };
/** As many images as one request may hold elsewhere. */
const mostQuestions = 16;

type Shown = Extract<ContentPart, { type: "image" }>;

/** What it takes to ask again. */
interface Asked {
  readonly messages: readonly ChatMessage[];
  readonly options: ChatOptions;
  readonly zoom: Required<ZoomOptions>;
  readonly image: LoadedImage;
}

const askedOf = Symbol("zoom");
type Zoomable = Prepared & { readonly [askedOf]?: Asked };

/** @param model the one that the middleware stands before: further questions go to it */
export function zoomOnDoubt(model: LanguageModel): Middleware {
  return {
    async prepare(next, messages, options = {}) {
      const { zoom, ...rest } = options;
      if (!zoom) return next(messages, rest);
      const asked = checked(messages, rest, zoom === true ? {} : zoom);
      const boxes = model.info.places ? { citeFields: true } : {};
      const shown = withImage(asked.messages, (part) => ({ detail: rest.detail ?? "low", ...part }));
      return { ...(await next(shown, { ...rest, fields: true, ...boxes })), [askedOf]: asked };
    },
    generate(next, prepared) {
      const asked = (prepared as Zoomable)[askedOf];
      return asked ? zoomed(next(prepared), { ...asked, options: withSeedOf(prepared, asked) }, model) : next(prepared);
    },
  };
}

/** Of one question: it takes several. @throws `unsupported` */
export function refuseZoom({ zoom }: ChatOptions): void {
  if (!zoom) return;
  throw new OcellusError(
    "unsupported",
    "zoom: one prepared question cannot be asked again; call chat or answer, or use withMiddleware(model, zoomOnDoubt(model))",
    { details: { param: "zoom" } },
  );
}

/** Another choice of a prompt differs in its seed. */
function withSeedOf({ options: { sampling } }: Prepared, { options }: Asked): ChatOptions {
  return sampling ? { ...options, sampling } : options;
}

/** @throws `invalid_request` */
function checked(messages: readonly ChatMessage[], options: ChatOptions, zoom: ZoomOptions): Asked {
  const { threshold, maxQuestions } = { ...defaults, ...zoom };
  if (!(threshold >= 0 && threshold <= 1)) throw refused("threshold", `0 to 1, found ${threshold}`, threshold);
  if (!Number.isInteger(maxQuestions) || maxQuestions < 1 || maxQuestions > mostQuestions)
    throw refused("maxQuestions", `1 to ${mostQuestions}, found ${maxQuestions}`, maxQuestions);
  const format = options.responseFormat?.type ?? "text";
  if (format !== "json_schema") throw refused("zoom", `an answer by a JSON schema, found the format ${format}`, format);
  if (options.sampling?.logprobs)
    throw refused("zoom", "no logprobs beside it: the answer is joined from several", "logprobs");
  const parts = Array.isArray(messages) ? messages.flatMap(partsOf) : [];
  const images = parts.filter((part): part is Shown => part.type === "image");
  const videos = parts.filter((part) => part.type === "video");
  if (images.length !== 1 || videos.length > 0)
    throw refused("zoom", `one image and no video, found ${images.length} and ${videos.length}`, images.length);
  const image = LoadedImage.of(images[0]!.image);
  const own = withImage(messages, (part) => ({ ...part, image }));
  return { messages: own, options, zoom: { threshold, maxQuestions }, image };
}

function refused(field: string, problem: string, found: unknown): OcellusError {
  return new OcellusError("invalid_request", `zoom: expected ${problem}`, { details: { param: "zoom", field, found } });
}

function partsOf({ content }: ChatMessage): ContentPart[] {
  return Array.isArray(content) ? content.filter((part) => typeof part === "object" && part !== null) : [];
}

function withImage(messages: readonly ChatMessage[], change: (part: Shown) => Shown): ChatMessage[] {
  const changed = (part: ContentPart | string) =>
    typeof part === "object" && part?.type === "image" ? change(part) : part;
  return messages.map((message) =>
    Array.isArray(message.content) ? { ...message, content: message.content.map(changed) } : message,
  );
}

async function* zoomed(
  events: AsyncIterable<ChatEvent>,
  asked: Asked,
  model: LanguageModel,
): AsyncGenerator<ChatEvent> {
  let text = "";
  const tokens: ChatToken[] = [];
  for await (const event of events) {
    if (event.type === "reasoning") yield event;
    else if (event.type === "text") {
      text += event.text;
      tokens.push(...event.tokens);
    } else {
      const joined = await new Zoom(asked, model).of(text, event);
      yield { type: "text", text: joined.text, tokens };
      yield joined.end;
    }
  }
}

type End = Extract<ChatEvent, { type: "end" }>;
type Spent = Pick<End, "usage" | "timings">;

interface Doubt {
  readonly region: Box;
  readonly by: ZoomedField["by"];
  readonly fields: string[];
}

/** The further questions of one answer. */
class Zoom {
  readonly #asked: Asked;
  readonly #model: LanguageModel;

  constructor(asked: Asked, model: LanguageModel) {
    this.#asked = asked;
    this.#model = model;
  }

  async of(text: string, first: End): Promise<{ text: string; end: End }> {
    const { fields: asksFields, citeFields } = this.#asked.options;
    const { fields = {}, boxes, ...rest } = first;
    const doubts = first.finishReason === "stop" ? this.#doubtful(text, fields) : [];
    const answer = await this.#again(text, first, fields, doubts);
    const end: End = {
      ...rest,
      usage: sumOf(answer.ends.map(({ usage }) => usage)),
      timings: { ...first.timings, ...timesOf(answer.ends) },
      zoomed: answer.zoomed,
      ...(asksFields && first.fields && { fields: answer.fields }),
      ...(citeFields && boxes && { boxes }),
    };
    return { text: answer.text, end };
  }

  /** Least sure first. */
  #doubtful(text: string, fields: Fields): string[] {
    const { options, zoom } = this.#asked;
    const { schema } = options.responseFormat as { readonly schema: unknown };
    const exchangeable = new Set(
      answerLeaves(text).flatMap(({ keys, pointer }) => (isExchangeable(schema, keys) ? [pointer] : [])),
    );
    return Object.entries(fields)
      .filter(([pointer, { probability }]) => probability < zoom.threshold && exchangeable.has(pointer))
      .sort(([, a], [, b]) => a.probability - b.probability)
      .map(([pointer]) => pointer);
  }

  async #again(text: string, first: End, fields: Fields, doubts: readonly string[]) {
    const { image, options } = this.#asked;
    const { signal } = options;
    const answer = { text, fields: { ...fields }, zoomed: [] as ZoomedField[], ends: [first] as Spent[] };
    if (doubts.length === 0) return answer;
    const { image: pixels } = await decodeAndDigest(await image.take({ ...(signal && { signal }) }), {
      ...(signal && { signal }),
    });
    for (const doubt of await this.#regions(first, doubts, pixels)) {
      const second = await this.#ask(cropped(pixels, doubt.region));
      answer.ends.push(second);
      for (const field of doubt.fields) exchange(answer, second, field, doubt);
    }
    return answer;
  }

  async #ask(image: RgbImage): Promise<ChatResult> {
    const { messages, options } = this.#asked;
    const shown = withImage(messages, () => ({ type: "image", image, detail: "high" }));
    const prepared = await this.#model.prepare(shown, { ...options, fields: true, citeFields: false, boxes: false });
    return collect(this.#model.generate(prepared));
  }

  /** Of the least sure fields, until there are as many as may be asked about; fields of one region are asked about together. */
  async #regions({ boxes = [] }: End, doubts: readonly string[], image: RgbImage): Promise<Doubt[]> {
    const regions: Doubt[] = [];
    let shared: Promise<Omit<Doubt, "fields">> | undefined;
    for (const field of doubts) {
      const box = boxes.find((place) => place.field === field)?.box;
      shared ??= box ? undefined : this.#attended(image);
      const region = box ? { region: widened(box, image), by: "box" as const } : await shared!;
      const same = regions.find((each) => each.region.every((side, i) => side === region.region[i]));
      if (same) same.fields.push(field);
      else if (regions.length < this.#asked.zoom.maxQuestions) regions.push({ ...region, fields: [field] });
    }
    return regions;
  }

  async #attended(image: RgbImage): Promise<Omit<Doubt, "fields">> {
    const { signal } = this.#asked.options;
    const map = await this.#model.attentionMap?.(image, { ...(signal && { signal }) });
    if (map) return { region: attendedTile(map, image), by: "attention" };
    return { region: [0, 0, image.width, image.height], by: "image" };
  }
}

interface JoinedAnswer {
  text: string;
  readonly fields: Record<string, Fields[string]>;
  readonly zoomed: ZoomedField[];
}

/** The surer of both; what was stopped, or has no such field, changes nothing. */
function exchange(answer: JoinedAnswer, second: ChatResult, field: string, { region, by }: Doubt): void {
  const before = answer.fields[field]!;
  const after = second.finishReason === "stop" ? second.fields?.[field] : undefined;
  const text = after && withLeafOf(answer.text, second.text, field);
  const valueIn = (json: string) => answerLeaves(json).find(({ pointer }) => pointer === field)?.value;
  const known = { field, region, by, before: { value: valueIn(answer.text), probability: before.probability } };
  if (!after || text === undefined) {
    answer.zoomed.push({ ...known, kept: "before" });
    return;
  }
  const isSurer = after.probability > before.probability;
  const found = { value: valueIn(second.text), probability: after.probability };
  answer.zoomed.push({ ...known, after: found, kept: isSurer ? "after" : "before" });
  if (!isSurer) return;
  answer.text = text;
  answer.fields[field] = after;
}

function sumOf(usages: readonly End["usage"][]): End["usage"] {
  const sum = (of: (usage: End["usage"]) => number | undefined) =>
    usages.reduce((total, usage) => total + (of(usage) ?? 0), 0);
  const hasThoughts = usages.some(({ reasoningTokens }) => reasoningTokens !== undefined);
  return {
    promptTokens: sum(({ promptTokens }) => promptTokens),
    cachedTokens: sum(({ cachedTokens }) => cachedTokens),
    completionTokens: sum(({ completionTokens }) => completionTokens),
    ...(hasThoughts && { reasoningTokens: sum(({ reasoningTokens }) => reasoningTokens) }),
  };
}

/** Questions follow each other; nothing is given before the last. */
function timesOf(ends: readonly Spent[]): Pick<End["timings"], "visionMs" | "firstTokenMs" | "totalMs"> {
  const sum = (of: (timings: End["timings"]) => number) => ends.reduce((total, { timings }) => total + of(timings), 0);
  const totalMs = sum((timings) => timings.totalMs);
  return { visionMs: sum(({ visionMs }) => visionMs), firstTokenMs: totalMs, totalMs };
}
