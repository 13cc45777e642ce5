/** Loaded with the first picture that is enlarged. */
import createPanzoom, { type PanzoomObject } from "@panzoom/panzoom";
import { type KeyboardEvent, useEffect, useRef } from "react";
import type { Picture } from "../conversation.js";
import { useWords } from "../words.js";

/** Each pixel of the picture as four of the screen, if that is more than eight times the whole. */
const mostPixels = 4;

export function ZoomedPicture({ url, picture: { name, width } }: { url: string; picture: Picture }) {
  const words = useWords();
  const image = useRef<HTMLImageElement>(null);
  const zoom = useRef<PanzoomObject>(null);
  useEffect(() => {
    const element = image.current!;
    const maxScale = Math.max(8, (mostPixels * width) / innerWidth);
    const made = createPanzoom(element, { maxScale, step: 0.4 });
    zoom.current = made;
    const frame = element.parentElement!;
    frame.addEventListener("wheel", made.zoomWithWheel, { passive: false });
    return () => {
      frame.removeEventListener("wheel", made.zoomWithWheel);
      made.destroy();
    };
  }, [width]);
  const onKeyDown = ({ key }: KeyboardEvent) => {
    if (key === "+" || key === "=") zoom.current?.zoomIn();
    else if (key === "-") zoom.current?.zoomOut();
    else if (key === "0") zoom.current?.reset();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the buttons below do the same
    <div className="zoomed" onKeyDown={onKeyDown}>
      <div className="zoom-window">
        <img ref={image} src={url} alt={name} draggable={false} />
      </div>
      <p className="zoom-buttons">
        <button type="button" className="quiet" aria-label={words.zoomOut} onClick={() => zoom.current?.zoomOut()}>
          −
        </button>
        <button type="button" className="quiet" aria-label={words.zoomWhole} onClick={() => zoom.current?.reset()}>
          ⤢
        </button>
        <button type="button" className="quiet" aria-label={words.zoomIn} onClick={() => zoom.current?.zoomIn()}>
          +
        </button>
      </p>
    </div>
  );
}
