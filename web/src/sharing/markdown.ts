/** A conversation as Markdown, its pictures as files beside it. */
import { titleOf } from "../citing/cited.js";
import type { Answer, Conversation, Picture } from "../conversation.js";
import { modelTitle } from "../in-browser/names.js";

export interface ShareWords {
  readonly you: string;
  readonly inBrowser: (name: string) => string;
}

/** @param fileOf a picture's path; undefined: it is no longer kept. */
export function markdownOf(
  { title, turns }: Conversation,
  fileOf: (picture: Picture) => string | undefined,
  words: ShareWords,
): string {
  const parts = turns.map((turn) => {
    if (turn.role === "assistant")
      return [`## ${modelTitle(turn.model, words)}`, turn.text.trim(), ...citedPages(turn, fileOf)]
        .filter(Boolean)
        .join("\n\n");
    const pictures = turn.pictures.flatMap((picture) => {
      const file = fileOf(picture);
      return file === undefined ? [] : [`![${plain(picture.name)}](<${file}>)`];
    });
    return [`## ${words.you}`, ...pictures, turn.text.trim()].filter(Boolean).join("\n\n");
  });
  return `${[`# ${title.replace(/\s+/g, " ")}`, ...parts].join("\n\n")}\n`;
}

/** Each with its number, as an answer names it. */
function citedPages({ cited }: Answer, fileOf: (picture: Picture) => string | undefined): string[] {
  return (cited?.pages ?? []).map((page) => {
    const [title, file] = [plain(titleOf(page)), page.picture && fileOf(page.picture)];
    return file === undefined ? `\\[${page.number}\\] ${title}` : `\\[${page.number}\\] [${title}](<${file}>)`;
  });
}

function plain(name: string): string {
  return name.replace(/[[\]\\]/g, "");
}

/** A name for a file, of the beginning of a title. */
export function fileName(title: string): string {
  const plain = title
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim()
    .slice(0, 50)
    .trim();
  return plain.replaceAll(" ", "-") || "conversation";
}

/** Where each picture lies: numbered, for names may be the same. */
export function pictureFiles(pictures: readonly Picture[], types: ReadonlyMap<string, string>): Map<string, string> {
  return new Map(
    pictures.flatMap(({ id, name }, i) => {
      const type = types.get(id);
      if (type === undefined) return [];
      const stem = fileName(name.replace(/\.\w+$/, ""));
      return [[id, `images/${i + 1}-${stem}.${type.replace("image/", "").replace("jpeg", "jpg")}`] as const];
    }),
  );
}
