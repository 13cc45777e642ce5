/** The marked part of a picture: a frame that the arrow keys move and resize. What is cut out follows when it has come to rest. */
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { Picture } from "../conversation.js";
import { boxByKey, regionOf } from "../mark-part.js";
import type { Box } from "../region.js";
import { useSight, useSightState } from "../sight.js";
import { useSightWords } from "../words-sight.js";
import { placed } from "./placed.js";

export interface RegionHandle {
  readonly box: Box | undefined;
  set(box: Box | undefined): void;
}

/** Between two presses of a key. */
const restMs = 250;

/** The marked part of this picture, and the picture of it that a question takes along. */
export function useRegion(picture: Picture): RegionHandle {
  const sight = useSight();
  const own = useSightWords();
  const region = useSightState((state) => state.region);
  const [moving, setMoving] = useState<Box>();
  const newest = useRef<Box>(undefined);
  const kept = region?.whole.id === picture.id ? region.box : undefined;
  useEffect(() => {
    if (kept === undefined) newest.current = undefined; // asked, or taken away
  }, [kept]);
  const cut = async (box: Box) => {
    await new Promise((rested) => setTimeout(rested, restMs));
    if (newest.current !== box) return;
    const made = await regionOf(picture, box, own.part(picture.name)).catch(() => undefined);
    if (newest.current !== box) return;
    sight?.change({ region: made });
    setMoving(undefined);
  };
  const set = (box: Box | undefined) => {
    newest.current = box;
    setMoving(box);
    sight?.change(box ? { cutting: cut(box) } : { region: undefined });
  };
  return { box: moving ?? kept, set };
}

interface RegionFrameProps {
  readonly box: Box;
  /** The pointer is still drawing it. */
  readonly isDrawn: boolean;
  readonly region: RegionHandle;
  readonly onAsk: () => void;
}

export function RegionFrame({ box, isDrawn, region, onAsk }: RegionFrameProps) {
  const own = useSightWords();
  const frame = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!isDrawn) frame.current?.focus({ preventScroll: true });
  }, [isDrawn]);
  const onKeyDown = (event: KeyboardEvent) => {
    const moved = boxByKey(box, event.key, event.shiftKey);
    if (moved) region.set(moved);
    else if (event.key === "Delete" || event.key === "Backspace" || event.key === "Escape") region.set(undefined);
    else return;
    event.preventDefault();
    event.stopPropagation(); // Escape would stop an answer
  };
  const [left, top, right, bottom] = box.map((share) => Math.round(share * 100)) as [number, number, number, number];
  return (
    <button
      ref={frame}
      type="button"
      className="region panzoom-exclude"
      style={placed(box)}
      aria-label={own.marked(left, right, top, bottom)}
      onKeyDown={onKeyDown}
      onClick={onAsk}
    />
  );
}
