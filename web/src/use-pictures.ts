/** Pictures that are being collected for a question: picked, pasted or dropped. */
import { useEffect, useRef, useState } from "react";
import type { Picture } from "./conversation.js";
import { readPicture } from "./pictures.js";

type ReadFile = (file: File) => Promise<Picture>;

export interface PictureDraft {
  readonly pictures: readonly Picture[];
  /** Names of files that are no pictures. */
  readonly refused: readonly string[];
  /** Files that are still being decoded: a question that is sent now would go without them. */
  readonly numReading: number;
  /** @param readOne how each becomes a picture. */
  add(files: Iterable<File>, readOne?: ReadFile): void;
  set(pictures: readonly Picture[]): void;
  remove(id: string): void;
  /** The pictures once all files are read; undefined if one of these could not be. */
  settled(): Promise<readonly Picture[] | undefined>;
}

export function usePictures(max = 64): PictureDraft {
  const [pictures, show] = useState<readonly Picture[]>([]);
  const [refused, setRefused] = useState<readonly string[]>([]);
  const [numReading, setNumReading] = useState(0);
  const newest = useRef(pictures);
  const reading = useRef<Promise<boolean>>(Promise.resolve(true));
  const set = (next: readonly Picture[]) => {
    newest.current = next;
    show(next);
  };
  const read = async (files: readonly File[], isEarlierRead: Promise<boolean>, readOne: ReadFile): Promise<boolean> => {
    const results = await Promise.allSettled(files.map(readOne));
    const areEarlierRead = await isEarlierRead; // pictures keep the order in which they were added
    const found = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    set(unique([...newest.current, ...found]).slice(-max));
    setRefused(files.filter((_, i) => results[i]!.status === "rejected").map(({ name }) => name));
    setNumReading((count) => count - files.length);
    return areEarlierRead && found.length === files.length;
  };
  const add = (given: Iterable<File>, readOne: ReadFile = readPicture) => {
    const files = [...given];
    if (files.length === 0) return;
    setNumReading((count) => count + files.length);
    reading.current = read(files, reading.current, readOne);
  };
  const settled = async () => {
    let areRead = true;
    for (let awaited: unknown; awaited !== reading.current; ) {
      awaited = reading.current; // files may be added meanwhile
      areRead = await reading.current;
    }
    reading.current = Promise.resolve(true); // a refusal is said once
    return areRead ? newest.current : undefined;
  };
  const remove = (id: string) => set(newest.current.filter((picture) => picture.id !== id));
  return { pictures, refused, numReading, add, set, remove, settled };
}

function unique(pictures: readonly Picture[]): readonly Picture[] {
  return [...new Map(pictures.map((picture) => [picture.id, picture])).values()];
}

/**
 * Takes files that are pasted or dropped anywhere on the page.
 * @param onDrop of what is dropped where folders are wanted too
 * @returns whether some hover over it now
 */
export function usePageFiles(onFiles: (files: Iterable<File>) => void, onDrop?: (data: DataTransfer) => void): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const paste = (event: ClipboardEvent) => {
      if (event.clipboardData?.files.length) onFiles(event.clipboardData.files);
    };
    const over = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      event.dataTransfer!.dropEffect = "copy";
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (event: DragEvent) => {
      setOver(false);
      if (!event.dataTransfer?.files.length) return;
      if (onDrop) onDrop(event.dataTransfer);
      else onFiles(event.dataTransfer.files);
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

/** A file that is dropped where none is wanted would open in place of the page. Rooms that take files listen after this. */
export function keepStrayFiles(): void {
  const keep = (event: DragEvent) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    event.dataTransfer!.dropEffect = "none";
  };
  document.addEventListener("dragover", keep);
  document.addEventListener("drop", keep);
}

function holdsFiles({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes("Files") ?? false;
}
