/** A conversation as the page keeps it, and the request it becomes. Pictures are named by the digest of their bytes. */
import type {
  AnswerStats,
  ChatRequest,
  CompletionUsage,
  ContentLogprob,
  WireFinishReason,
  WireMessage,
} from "../../src/protocol/index.js";
import { ApiError } from "./api.js";
import { type Cited, type Source, sourceOf, withTitles } from "./citing/cited.js";
import type { Here } from "./in-browser/names.js";
import { type NumberField, numberFields, type Settings } from "./preferences.js";
import { type Abilities, type Box, placeInWords, questionAbout, type Region, withRegion } from "./region.js";

export interface Picture {
  /** SHA-256 of the file, in hex. */
  readonly id: string;
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** The file had more; the model is shown this one. */
  readonly isFirstFrame?: boolean;
  /** It shows frames of this video, which is what is sent. */
  readonly video?: { readonly id: string; readonly bytes: number; readonly seconds?: number };
}

export interface Question {
  readonly role: "user";
  readonly id: string;
  readonly text: string;
  /** A marked part stands behind its whole. */
  readonly pictures: readonly Picture[];
  /** What "this" is. */
  readonly part?: { readonly wholeId: string; readonly box: Box } | undefined;
  /** Where pages are looked for that go with it. */
  readonly source?: Source | undefined;
}

/** What went wrong. `problems.ts` says it in the reader's language. */
export interface Problem {
  /** As the server, or this page, said it: in English. */
  readonly message: string;
  /** Of the response; 0 where there was none. */
  readonly status: number;
  readonly requestId: string | null;
  /** Absent in what was saved before this was noted. */
  readonly code?: string | null;
  /** The field of the request that is at fault. */
  readonly param?: string | null;
}

export interface Answer {
  readonly role: "assistant";
  readonly id: string;
  readonly model: string;
  /** What of an alias did: one of its versions. */
  readonly answeredBy?: string | undefined;
  /** Of a model in this browser: where it ran. Absent: the server answered. */
  readonly here?: Here | undefined;
  /** Absent in panels, which ask for text alone. */
  readonly abilities?: Abilities | undefined;
  /** As they were when it was asked. */
  readonly settings: Settings;
  readonly askedMs: number;
  readonly state: "waiting" | "writing" | "done" | "stopped" | "failed";
  readonly text: string;
  /** What the model thought before it answered. */
  readonly reasoning?: string | undefined;
  readonly numTokens: number;
  /** Of the tokens so far; the server's own figure when the answer is whole. */
  readonly tokensPerSecond?: number | undefined;
  readonly logprobs: readonly ContentLogprob[];
  readonly finish?: WireFinishReason | undefined;
  readonly stats?: AnswerStats | undefined;
  readonly usage?: CompletionUsage | undefined;
  readonly problem?: Problem | undefined;
  /** The pages that it was given from, where a collection was asked. */
  readonly cited?: Cited | undefined;
  /** What else was answered to the same question, the oldest first. */
  readonly others?: readonly Answer[] | undefined;
}

/** Whether words may still come. */
export function isOpen({ state }: Answer): boolean {
  return state === "waiting" || state === "writing";
}

export type Turn = Question | Answer;

export interface Conversation {
  readonly id: string;
  readonly title: string;
  readonly changedMs: number;
  /** Of what is saved: how often it was. Absent: of a time before this was counted. */
  readonly revision?: number;
  readonly turns: readonly Turn[];
}

export function newId(): string {
  // crypto.randomUUID exists on https and localhost only; the page is also opened by a machine's address.
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function question(text: string, pictures: readonly Picture[], region?: Region, source?: Source): Question {
  const part = region && { wholeId: region.whole.id, box: region.box };
  const more = { ...(part && { part }), ...(source && { source }) };
  return { role: "user", id: newId(), text, pictures: withRegion(pictures, region), ...more };
}

/** @param urlOf a picture's data URL, or in code to copy its file's name. */
export function chatRequest(
  turns: readonly Turn[],
  { model, abilities, settings }: Pick<Answer, "model" | "abilities" | "settings">,
  urlOf: (picture: Picture) => string,
): ChatRequest {
  const system: WireMessage[] = settings.system.trim() ? [{ role: "system", content: settings.system.trim() }] : [];
  const stop = settings.stop.split("\n").filter((line) => line !== "");
  return {
    model,
    messages: [...system, ...turns.flatMap((turn) => message(turn, { abilities, settings }, urlOf))],
    ...numbers(settings),
    ...(stop.length > 0 && { stop }),
    ...responseFormat(settings),
    ...wishes(settings, abilities, turns),
  };
}

/** Probabilities of tokens, or what says more: of the fields of JSON how sure each is, and of what is named where it stands. */
function wishes(
  { probabilities, format }: Settings,
  abilities: Abilities | undefined,
  turns: readonly Turn[],
): Pick<ChatRequest, "logprobs" | "top_logprobs" | "ocellus"> {
  const isHere = abilities !== undefined && abilities.device !== "remote";
  const fields = isHere && format !== "text" && { fields: true };
  const source = sourceOf(turns);
  const pictures = turns.flatMap((turn) => (turn.role === "user" ? turn.pictures : []));
  const isOne = pictures.length === 1 && !pictures[0]!.video && !source; // of several it would not be known which one is meant
  const isPlaced = isHere && abilities.places !== undefined && isOne;
  const places = isPlaced && (format === "json_schema" ? { cite_fields: true } : { boxes: true });
  return {
    ...(probabilities && !(isPlaced && format === "json_schema") && { logprobs: true, top_logprobs: 5 }),
    ...((fields || places || source) && { ocellus: { ...fields, ...places, ...source } }),
  };
}

type Asking = Pick<Answer, "abilities" | "settings">;

function message(turn: Turn, asking: Asking, urlOf: (picture: Picture) => string): WireMessage[] {
  if (turn.role === "assistant") {
    const said = turn.cited ? withTitles(turn.text, turn.cited) : turn.text;
    return said === "" ? [] : [{ role: "assistant", content: said }];
  }
  if (turn.pictures.length === 0) return [{ role: "user", content: turn.text }];
  const pictures = turn.pictures.map((picture) => {
    const url = { url: urlOf(picture) };
    return picture.video
      ? { type: "video_url" as const, video_url: url }
      : { type: "image_url" as const, image_url: url };
  });
  const words = wordsOf(turn, asking);
  const text = words === "" ? [] : [{ type: "text" as const, text: words }];
  return [{ role: "user", content: [...pictures, ...text] }];
}

/** With the place of the part that it is about, as the model writes places. */
function wordsOf({ text, part, pictures }: Question, { abilities, settings }: Asking): string {
  const number = pictures.findIndex(({ id }) => id === part?.wholeId);
  if (!part || !abilities || number < 0) return text;
  const { min_pixels: min, max_pixels: max } = numbers(settings);
  const place = placeInWords(part.box, abilities, pictures[number]!, { min, max });
  return place === undefined ? text : questionAbout(text, place, 1 + number);
}

function numbers(settings: Settings): Partial<Record<NumberField, number>> {
  const names = Object.keys(numberFields) as NumberField[];
  return Object.fromEntries(
    names.flatMap((name) => (settings.numbers[name] ? [[name, Number(settings.numbers[name])]] : [])),
  );
}

function responseFormat({ format, schema }: Settings): Pick<ChatRequest, "response_format"> {
  if (format === "text") return {};
  if (format === "json_object") return { response_format: { type: "json_object" } };
  const parsed = parseSchema(schema);
  if (parsed === undefined)
    throw new ApiError(
      "the JSON schema in the settings is not a JSON object; correct it and try again",
      0,
      "bad_schema",
    );
  return { response_format: { type: "json_schema", json_schema: { name: "answer", schema: parsed, strict: true } } };
}

/** Whether these settings make a request at all. */
export function isAskable({ format, schema }: Settings): boolean {
  return format !== "json_schema" || parseSchema(schema) !== undefined;
}

/** The schema as it was typed, or nothing where it is not a JSON object. */
export function parseSchema(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
