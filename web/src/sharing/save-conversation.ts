/** Saves a conversation as a file. What packs or draws it is loaded when it is wanted. */
import type { Conversation } from "../conversation.js";
import { pictureBlob } from "../history.js";
import { dataUrl } from "../pictures.js";
import { save } from "../save.js";
import { fileName, markdownOf, pictureFiles, type ShareWords } from "./markdown.js";
import { picturesOf, savedOf } from "./saved.js";

export const fileKinds = ["page", "markdown", "json"] as const;
export type FileKind = (typeof fileKinds)[number];

export async function saveConversation(kind: FileKind, conversation: Conversation, words: ShareWords): Promise<void> {
  const name = fileName(conversation.title);
  if (kind === "markdown") return saveMarkdown(conversation, name, words);
  const urls = await keptUrls(conversation);
  if (kind === "json") {
    const text = JSON.stringify(savedOf(conversation, urls), undefined, 1);
    return save(new Blob([text], { type: "application/json" }), `${name}.json`);
  }
  const { pageOf } = await import("./page.js");
  const html = pageOf(conversation, urls, { ...words, language: document.documentElement.lang });
  save(new Blob([html], { type: "text/html" }), `${name}.html`);
}

/** Of the pictures that are still kept here. */
async function keptUrls(conversation: Conversation): Promise<Map<string, string>> {
  const urls = picturesOf(conversation).map(async ({ id, name }) => {
    const url = await dataUrl(id, name).catch(() => undefined);
    return url === undefined ? [] : [[id, url] as const];
  });
  return new Map((await Promise.all(urls)).flat());
}

/** One file of text; with pictures a folder. */
async function saveMarkdown(conversation: Conversation, name: string, words: ShareWords): Promise<void> {
  const pictures = picturesOf(conversation);
  const blobs = new Map<string, Blob>();
  for (const { id } of pictures) {
    const blob = await pictureBlob(id);
    if (blob) blobs.set(id, blob);
  }
  const files = pictureFiles(pictures, new Map([...blobs].map(([id, { type }]) => [id, type])));
  const text = markdownOf(conversation, ({ id }) => files.get(id), words);
  if (files.size === 0) return save(new Blob([text], { type: "text/markdown" }), `${name}.md`);
  const { downloadZip } = await import("client-zip");
  const held = [...files].map(([id, path]) => ({ name: `${name}/${path}`, input: blobs.get(id)! }));
  save(await downloadZip([{ name: `${name}/${name}.md`, input: text }, ...held]).blob(), `${name}.zip`);
}
