/**
 * A conversation as one JSON file, with its pictures. It is also read back: from a file that may come from anyone, so that only what
 * is known of is taken over, and everything is looked at first.
 */
import { type Cited, type CitedPage, pageCounts, picturesIn, type Source } from "../citing/cited.js";
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
  | {
      readonly role: "user";
      readonly text: string;
      readonly pictures: readonly NamedPicture[];
      readonly source?: Source;
    }
  | {
      readonly role: "assistant";
      readonly text: string;
      readonly model: string;
      readonly asked: string;
      readonly reasoning?: string;
      /** Other answers to the same question. */
      readonly others?: readonly string[];
      readonly cited?: SavedCited;
    };

interface NamedPicture {
  readonly id: string;
  readonly name: string;
}

interface SavedCited extends Omit<Cited, "pages"> {
  readonly pages: readonly (Omit<CitedPage, "picture"> & { readonly picture?: NamedPicture | undefined })[];
}

/** Of the questions, and of the pages that answers were given from. */
export function picturesOf({ turns }: Pick<Conversation, "turns">): readonly Picture[] {
  return picturesIn(turns.map((turn) => (turn.role === "user" ? turn : { ...turn, others: [] })));
}

/** @param urls of its pictures; those that are no longer kept are left out. */
export function savedOf({ title, turns }: Conversation, urls: ReadonlyMap<string, string>): SavedConversation {
  return { format, version: 1, title, turns: turns.map(savedTurn), pictures: Object.fromEntries(urls) };
}

function savedTurn(turn: Turn): SavedTurn {
  if (turn.role === "user") {
    const { text, pictures, source } = turn;
    return { role: "user", text, pictures: pictures.map(named), ...(source && { source }) };
  }
  const { text, model, askedMs, reasoning, others = [], cited } = turn;
  return {
    role: "assistant",
    ...{ text, model, asked: new Date(askedMs).toISOString() },
    ...(reasoning && { reasoning }),
    ...(others.length > 0 && { others: others.map((other) => other.text) }),
    ...(cited && { cited: { ...cited, pages: cited.pages.map(savedPage) } }),
  };
}

function named({ id, name }: Picture): NamedPicture {
  return { id, name };
}

function savedPage({ picture, ...page }: CitedPage): SavedCited["pages"][number] {
  return { ...page, ...(picture && { picture: named(picture) }) };
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
    return isListOf(turn.pictures, maxPictures, isNamedPicture) && isOptional(turn.source, isSource);
  const { role, model, asked, reasoning = "", others = [], cited } = turn;
  const isPlain = role === "assistant" && isText(model) && isText(asked) && isText(reasoning);
  return (
    isPlain && isOptional(cited, isCited) && Array.isArray(others) && others.length <= maxTurns && others.every(isText)
  );
}

function isListOf(value: unknown, most: number, isOne: (each: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length <= most && value.every(isOne);
}

function isOptional(value: unknown, isOne: (value: unknown) => boolean): boolean {
  return value === undefined || isOne(value);
}

function isNamedPicture(value: unknown): boolean {
  return isRecord(value) && isText(value.id) && isText(value.name);
}

function isSource(value: unknown): boolean {
  return isRecord(value) && isText(value.collection) && isCount(value.pages);
}

function isCited(value: unknown): boolean {
  return isRecord(value) && isText(value.collection) && isListOf(value.pages, maxPictures, isPage);
}

function isPage(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { number, source, page, cited, picture, bytes, text } = value;
  const isNamed = isCount(number) && isText(source) && isOptional(page, isCount) && typeof cited === "boolean";
  return isNamed && isOptional(picture, isNamedPicture) && isOptional(bytes, isCount) && isOptional(text, isText);
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
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
  const known = ({ id, name }: NamedPicture) => (pictures.has(id) ? [{ ...pictures.get(id)!, name }] : []);
  const turnOf = (turn: SavedTurn): Turn => {
    if (turn.role === "assistant") return answerOf(turn, known);
    const { text, source } = turn;
    return question(text, turn.pictures.flatMap(known), undefined, source && sourceOf(source));
  };
  return { ...{ id: newId(), title, changedMs: Date.now() }, turns: turns.map(turnOf) };
}

/** Only what is known of, for a file may hold anything. */
function sourceOf({ collection, pages }: Source): Source {
  return { collection, pages: Math.min(pages, pageCounts.at(-1)!) };
}

function answerOf(
  { text, model, asked, reasoning, others = [], cited }: SavedTurn & { role: "assistant" },
  known: (picture: NamedPicture) => readonly Picture[],
): Answer {
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
    ...(cited && { cited: citedOf(cited, known) }),
  };
}

function citedOf({ collection, pages }: SavedCited, known: (picture: NamedPicture) => readonly Picture[]): Cited {
  return {
    collection,
    pages: pages.map(({ number, source, page, cited, bytes, text, picture }) => ({
      ...{ number, source, page, cited, bytes, text },
      picture: picture && known(picture)[0],
    })),
  };
}
