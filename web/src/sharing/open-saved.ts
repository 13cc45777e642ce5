/** Reads a conversation from a file: its pictures are decoded and named by their bytes, as if they had been picked. */
import { chats } from "../chats.js";
import type { Picture } from "../conversation.js";
import { readPicture } from "../pictures.js";
import { conversationOf, maxFileBytes, parseSaved } from "./saved.js";

/** @returns the id that it has here; undefined for a file that is none. */
export async function openSaved(file: File): Promise<string | undefined> {
  const saved = file.size <= maxFileBytes ? parseSaved(await file.text()) : undefined;
  if (!saved) return undefined;
  const pictures = new Map<string, Picture>();
  for (const [id, url] of Object.entries(saved.pictures)) {
    const picture = await readPicture(fileOf(url)).catch(() => undefined);
    if (picture) pictures.set(id, picture);
  }
  const conversation = conversationOf(saved, pictures);
  chats.add(conversation);
  return conversation.id;
}

/** The page's policy lets nothing fetch a data URL. */
function fileOf(url: string): File {
  const [, type, base64] = /^data:([^;]+);base64,(.*)$/.exec(url)!;
  const bytes = Uint8Array.from(atob(base64!), (character) => character.charCodeAt(0));
  return new File([bytes], "picture", { type: type! });
}
