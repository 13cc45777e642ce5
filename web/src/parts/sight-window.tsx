/**
 * A picture as large as its window lets it be: wheel, pinch, buttons and keys zoom it, dragging marks a part of it or moves it. What
 * lies on it is placed in shares of its sides, and moves with it.
 */
import createPanzoom, { type PanzoomObject } from "@panzoom/panzoom";
import {
  type KeyboardEvent,
  type PointerEvent,
  type Ref,
  useEffect,
  useImperativeHandle,
  useRef,
  useState,
} from "react";
import type { Picture } from "../conversation.js";
import { boxBetween, isLargeEnough, middleBox } from "../mark-part.js";
import type { Box } from "../region.js";
import { useSightWords } from "../words-sight.js";
import { HeatLayer } from "./heat-layer.js";
import { PlacesLayer } from "./places-layer.js";
import { RegionFrame, useRegion } from "./region-frame.js";
import { TextLayer } from "./text-layer.js";

export type Dragging = "mark" | "move";

export interface Zoom {
  in(): void;
  out(): void;
  whole(): void;
}

interface SightWindowProps {
  readonly url: string;
  readonly picture: Picture;
  readonly dragging: Dragging;
  readonly onAsk: () => void;
  readonly ref: Ref<Zoom>;
}

/** Each pixel of the picture as four of the screen, if that is more than eight times the whole. */
const mostPixels = 4;
/** Of an arrow key, on the screen. */
const panPixels = 60;

export function SightWindow({ url, picture, dragging, onAsk, ref }: SightWindowProps) {
  const own = useSightWords();
  const { name, width, height } = picture;
  const sheet = useRef<HTMLDivElement>(null);
  const zoom = useZoom(sheet, width, dragging);
  const region = useRegion(picture);
  const drawing = useDrawing(sheet, dragging, region.set);
  useImperativeHandle(ref, () => ({
    in: () => zoom.current?.zoomIn(),
    out: () => zoom.current?.zoomOut(),
    whole: () => zoom.current?.reset(),
  }));
  const onKeyDown = (event: KeyboardEvent) => {
    if (keyActs(event, zoom.current)) event.preventDefault();
  };
  return (
    <div className="sight-window" data-dragging={dragging}>
      <div ref={sheet} className="sight-sheet" style={{ "--ratio": width / height }}>
        <button
          type="button"
          className="sight-picture"
          aria-label={own.markKeys(name)}
          onKeyDown={onKeyDown}
          onClick={(event) => event.detail === 0 && region.set(middleBox)}
          {...drawing.handlers}
        >
          <img src={url} alt="" draggable={false} />
        </button>
        <HeatLayer pictureId={picture.id} />
        <PlacesLayer pictureId={picture.id} />
        <TextLayer pictureId={picture.id} />
        {(drawing.box ?? region.box) && (
          <RegionFrame box={(drawing.box ?? region.box)!} isDrawn={drawing.box !== undefined} {...{ region, onAsk }} />
        )}
      </div>
    </div>
  );
}

function useZoom(sheet: React.RefObject<HTMLDivElement | null>, width: number, dragging: Dragging) {
  const zoom = useRef<PanzoomObject>(undefined);
  useEffect(() => {
    const element = sheet.current!;
    const maxScale = Math.max(8, (mostPixels * width) / Math.max(1, element.clientWidth));
    // Its own handler would keep pointer events from the page's.
    const made = createPanzoom(element, { maxScale, step: 0.4, handleStartEvent: () => {}, cursor: "" });
    zoom.current = made;
    const frame = element.parentElement!;
    frame.addEventListener("wheel", made.zoomWithWheel, { passive: false });
    return () => {
      frame.removeEventListener("wheel", made.zoomWithWheel);
      made.destroy();
    };
  }, [sheet, width]);
  useEffect(() => zoom.current?.setOptions({ disablePan: dragging === "mark" }), [dragging]);
  return zoom;
}

/** @returns whether the key meant something. */
function keyActs({ key }: KeyboardEvent, zoom: PanzoomObject | undefined): boolean {
  if (!zoom) return false;
  const pan = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[key];
  if (pan) zoom.pan(pan[0]! * panPixels, pan[1]! * panPixels, { relative: true, force: true });
  else if (key === "+" || key === "=") zoom.zoomIn();
  else if (key === "-") zoom.zoomOut();
  else if (key === "0") zoom.reset();
  else return false;
  return true;
}

/** A box from where the pointer went down to where it is; a second finger is a pinch, and ends it. */
function useDrawing(
  sheet: React.RefObject<HTMLDivElement | null>,
  dragging: Dragging,
  onDrawn: (box: Box | undefined) => void,
) {
  const [box, setBox] = useState<Box>();
  const start = useRef<readonly [number, number]>(undefined);
  const at = ({ clientX, clientY }: PointerEvent): readonly [number, number] => {
    const { left, top, width, height } = sheet.current!.getBoundingClientRect();
    return [(clientX - left) / width, (clientY - top) / height];
  };
  const end = () => {
    start.current = undefined;
    setBox(undefined);
  };
  const handlers = {
    onPointerDown(event: PointerEvent) {
      if (!event.isPrimary) return end();
      if (dragging !== "mark" || event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      start.current = at(event);
    },
    onPointerMove(event: PointerEvent) {
      if (start.current && event.isPrimary) setBox(boxBetween(start.current, at(event)));
    },
    onPointerUp(event: PointerEvent) {
      if (!start.current || !event.isPrimary) return;
      const drawn = boxBetween(start.current, at(event));
      onDrawn(isLargeEnough(drawn) ? drawn : undefined); // a click takes the mark away
      end();
    },
    onPointerCancel: end,
  };
  return { box, handlers };
}
