/** Conversations by what was said in them: every word somewhere, in any script, in whatever width and case. */
import type { Conversation, Turn } from "./conversation.js";

export interface Found {
  readonly id: string;
  readonly title: string;
  /** Some words around the first place; empty where the title alone has it. */
  readonly excerpt: string;
}

/** Characters before and behind the place. */
const [before, behind] = [18, 60];

/** In the order in which they are given. Chinese has no spaces: what is typed without them is looked for in one piece. */
export function findConversations(all: readonly Conversation[], wanted: string): Found[] {
  const words = folded(wanted).split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  return all.flatMap(({ id, title, turns }) => {
    const texts = turns.flatMap(textsOf);
    const whole = folded([title, ...texts].join("\n"));
    if (!words.every((word) => whole.includes(word))) return [];
    return { id, title, excerpt: excerptOf(texts, words[0]!) };
  });
}

function textsOf(turn: Turn): string[] {
  if (turn.role === "user") return [turn.text, ...turn.pictures.map(({ name }) => name)];
  return [turn.text, ...(turn.others ?? []).map(({ text }) => text)];
}

/** One kind of letter for each: full width as half width, ｶ as カ. */
function folded(text: string): string {
  return text.normalize("NFKC").toLowerCase();
}

function excerptOf(texts: readonly string[], word: string): string {
  const text = texts
    .map((each) => each.normalize("NFKC").replace(/\s+/g, " "))
    .find((each) => folded(each).includes(word));
  if (text === undefined) return "";
  const at = folded(text).indexOf(word); // a letter whose small one is longer moves it by one: it is an excerpt
  const [from, to] = [Math.max(0, at - before), at + word.length + behind];
  return `${from > 0 ? "…" : ""}${text.slice(from, to).trim()}${to < text.length ? "…" : ""}`;
}
