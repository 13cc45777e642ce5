/** A row's picture, small: made when the row is first shown, a few at a time, and remembered for some hundred rows. */
import { useEffect, useRef } from "react";
import { table } from "./store.js";

/** Of the shorter side, for screens of two pixels to one. */
const sidePixels = 112;
/** 50 kB each. */
const mostKept = 400;
/** Decoding a photo takes a core for a tenth of a second. */
const mostAtOnce = 2;

const made = new Map<string, ImageBitmap>();
const waiting: (() => void)[] = [];
let numMaking = 0;

/** @param isWanted asked when its turn comes: rows that were scrolled past are left out. */
async function thumbnail(id: string, isWanted: () => boolean): Promise<ImageBitmap | undefined> {
  const known = made.get(id);
  if (known) return known;
  if (numMaking >= mostAtOnce) await new Promise<void>((done) => waiting.push(done));
  numMaking++;
  try {
    const blob = isWanted() ? await table.picture(id) : undefined;
    if (!blob) return undefined;
    const bitmap = await createImageBitmap(blob, { resizeHeight: sidePixels, resizeQuality: "medium" });
    made.set(id, bitmap);
    if (made.size > mostKept) made.delete(made.keys().next().value!);
    return bitmap;
  } catch {
    return undefined; // the row itself says that it cannot be read
  } finally {
    numMaking--;
    waiting.shift()?.();
  }
}

export function Thumbnail({ id }: { id: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let isOver = false;
    void thumbnail(id, () => !isOver).then((bitmap) => {
      if (!bitmap || isOver) return;
      const { width, height } = bitmap;
      Object.assign(canvas.current!, { width, height });
      canvas.current!.getContext("2d")!.drawImage(bitmap, 0, 0);
    });
    return () => {
      isOver = true;
    };
  }, [id]);
  return <canvas ref={canvas} className="thumbnail" width={sidePixels} height={sidePixels} />;
}
