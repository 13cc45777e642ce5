/**
 * A conversation as one JSON file, with its pictures. It is also read back: from a file that may come from anyone, so that only what
 * is known of is taken over, and everything is looked at first.
 */
import { type Answer, type Conversation, newId, type Picture, question, type Turn } from "../conversation.js";
import { plainSettings } from "../preferences.js";

const format = "ocellus.conversation";
/** A conversation with as many pictures as this browser keeps. */
export const maxFileBytes = 400 * 2 ** 20;
/** Beyond what any context holds. */
const [maxTurns, maxPictures, maxText] = [4096, 1024, 2_000_000];

export interface SavedConversation {
  readonly format: typeof format;
  readonly version: 1;
  readonly title: string;
  readonly turns: readonly SavedTurn[];
  /** By the names that the turns use: data URLs. */
  readonly pictures: Readonly<Record<string, string>>;
}

type SavedTurn =
  | { readonly role: "user"; readonly text: string; readonly pictures: readonly { id: string; name: string }[] }
  | {
      readonly role: "assistant";
      readonly text: string;
      readonly model: string;
      readonly asked: string;
      readonly reasoning?: string;
      /** Other answers to the same question. */
      readonly others?: readonly string[];
    };

export function picturesOf({ turns }: Pick<Conversation, "turns">): readonly Picture[] {
  const all = turns.flatMap((turn) => (turn.role === "user" ? turn.pictures : []));
  return [...new Map(all.map((picture) => [picture.id, picture])).values()];
}

/** @param urls of its pictures; those that are no longer kept are left out. */
export function savedOf({ title, turns }: Conversation, urls: ReadonlyMap<string, string>): SavedConversation {
  return { format, version: 1, title, turns: turns.map(savedTurn), pictures: Object.fromEntries(urls) };
}

function savedTurn(turn: Turn): SavedTurn {
  if (turn.role === "user")
    return { role: "user", text: turn.text, pictures: turn.pictures.map(({ id, name }) => ({ id, name })) };
  const { text, model, askedMs, reasoning, others = [] } = turn;
  return {
    role: "assistant",
    ...{ text, model, asked: new Date(askedMs).toISOString() },
    ...(reasoning && { reasoning }),
    ...(others.length > 0 && { others: others.map((other) => other.text) }),
  };
}

/** Undefined for what is no such file. */
export function parseSaved(text: string): SavedConversation | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || value.format !== format || value.version !== 1 || !isText(value.title)) return undefined;
  const { turns, pictures } = value;
  if (!Array.isArray(turns) || turns.length > maxTurns || !turns.every(isTurn)) return undefined;
  if (!isRecord(pictures) || Object.keys(pictures).length > maxPictures) return undefined;
  if (!Object.values(pictures).every((url) => typeof url === "string" && pictureUrl.test(url))) return undefined;
  return value as unknown as SavedConversation;
}

/** Only bytes that are in the file: an address would be asked for. */
const pictureUrl = /^data:image\/(jpeg|png|webp|gif|bmp);base64,[A-Za-z0-9+/]/;

function isTurn(turn: unknown): boolean {
  if (!isRecord(turn) || !isText(turn.text)) return false;
  if (turn.role === "user")
    return (
      Array.isArray(turn.pictures) &&
      turn.pictures.length <= maxPictures &&
      turn.pictures.every((picture) => isRecord(picture) && isText(picture.id) && isText(picture.name))
    );
  const { role, model, asked, reasoning = "", others = [] } = turn;
  const isPlain = role === "assistant" && isText(model) && isText(asked) && isText(reasoning);
  return isPlain && Array.isArray(others) && others.length <= maxTurns && others.every(isText);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= maxText;
}

/** As a new conversation. @param pictures by their names in the file; those that could not be read are left out. */
export function conversationOf(
  { title, turns }: SavedConversation,
  pictures: ReadonlyMap<string, Picture>,
): Conversation {
  const known = (ids: readonly { id: string; name: string }[]) =>
    ids.flatMap(({ id, name }) => (pictures.has(id) ? [{ ...pictures.get(id)!, name }] : []));
  return {
    ...{ id: newId(), title, changedMs: Date.now() },
    turns: turns.map((turn) => (turn.role === "user" ? question(turn.text, known(turn.pictures)) : answerOf(turn))),
  };
}

function answerOf({ text, model, asked, reasoning, others = [] }: SavedTurn & { role: "assistant" }): Answer {
  const common = {
    role: "assistant",
    model,
    settings: plainSettings,
    state: "done",
    numTokens: 0,
    logprobs: [],
  } as const;
  const askedMs = Date.parse(asked) || 0;
  return {
    ...{ ...common, id: newId(), text, askedMs },
    ...(reasoning && { reasoning }),
    ...(others.length > 0 && { others: others.map((other) => ({ ...common, id: newId(), text: other, askedMs })) }),
  };
}
