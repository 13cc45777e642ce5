/** Pictures that are being collected for a question: picked, pasted or dropped. */
import { useEffect, useState } from "react";
import type { Picture } from "./conversation.js";
import { readPicture } from "./pictures.js";

export interface PictureDraft {
  readonly pictures: readonly Picture[];
  /** Names of files that are no pictures. */
  readonly refused: readonly string[];
  add(files: Iterable<File>): void;
  set(pictures: readonly Picture[]): void;
  remove(id: string): void;
}

export function usePictures(max = 64): PictureDraft {
  const [pictures, set] = useState<readonly Picture[]>([]);
  const [refused, setRefused] = useState<readonly string[]>([]);
  const add = async (files: Iterable<File>) => {
    const all = [...files];
    const read = await Promise.allSettled(all.map(readPicture));
    const found = read.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    set((old) => unique([...old, ...found]).slice(-max));
    setRefused(all.filter((_, i) => read[i]!.status === "rejected").map(({ name }) => name));
  };
  return {
    pictures,
    refused,
    add: (files) => void add(files),
    set,
    remove: (id) => set((old) => old.filter((picture) => picture.id !== id)),
  };
}

function unique(pictures: readonly Picture[]): readonly Picture[] {
  return [...new Map(pictures.map((picture) => [picture.id, picture])).values()];
}

/** Takes files that are pasted or dropped anywhere on the page. @returns whether some hover over it now. */
export function usePageFiles(onFiles: (files: Iterable<File>) => void): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const paste = (event: ClipboardEvent) => {
      if (event.clipboardData?.files.length) onFiles(event.clipboardData.files);
    };
    const over = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (event: DragEvent) => {
      setOver(false);
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      onFiles(event.dataTransfer.files);
    };
    const stop = new AbortController();
    const options = { signal: stop.signal };
    addEventListener("paste", paste, options);
    addEventListener("dragover", over, options);
    addEventListener("dragleave", leave, options);
    addEventListener("drop", drop, options);
    return () => stop.abort();
  });
  return isOver;
}
