/** The large picture beside the talk: chosen from those of the conversation, zoomed, marked, and with what answers show on it. */
import { lazy, Suspense, useRef, useState } from "react";
import type { Picture } from "../conversation.js";
import { Icon } from "../icons.js";
import { useSight, useSightState } from "../sight.js";
import { useWords } from "../words.js";
import { useSightWords } from "../words-sight.js";
import { usePictureUrl } from "./picture-view.js";
import { type Dragging, SightWindow, type Zoom } from "./sight-window.js";
import { Tabs } from "./tabs.js";
import { Viewer } from "./viewer.js";
import "../style/sight.css";

interface SightPaneProps {
  /** The newest first; at least one. */
  readonly pictures: readonly Picture[];
  readonly onHide: () => void;
  /** Takes the reader to the question's words. */
  readonly onAsk: () => void;
}

// Loaded when it is first asked for.
const TextPanel = lazy(async () => ({ default: (await import("./text-panel.js")).TextPanel }));

const draggings = ["mark", "move"] as const;

export function SightPane({ pictures, onHide, onAsk }: SightPaneProps) {
  const [words, own] = [useWords(), useSightWords()];
  const chosen = useSightState(({ pictureId }) => pictureId);
  const picture = pictures.find(({ id }) => id === chosen) ?? pictures[0]!;
  const url = usePictureUrl(picture.id);
  const [dragging, setDragging] = useState<Dragging>("mark");
  const [isLarge, setLarge] = useState(false);
  const [isReading, setReading] = useState(false);
  const zoom = useRef<Zoom>(null);
  return (
    <aside className="sight" aria-label={own.picture}>
      <header>
        <Tabs label={own.dragging} names={draggings} titles={own} chosen={dragging} onChoose={setDragging} />
        <span className="sight-buttons">
          <button
            type="button"
            className="quiet"
            aria-label={own.readText}
            aria-pressed={isReading}
            onClick={() => setReading(!isReading)}
          >
            <Icon name="text" />
          </button>
          <button type="button" className="quiet" aria-label={words.zoomOut} onClick={() => zoom.current?.out()}>
            <Icon name="minus" />
          </button>
          <button type="button" className="quiet" aria-label={words.zoomIn} onClick={() => zoom.current?.in()}>
            <Icon name="plus" />
          </button>
          <button type="button" className="quiet" aria-label={words.zoomWhole} onClick={() => zoom.current?.whole()}>
            <Icon name="fit" />
          </button>
          <button type="button" className="quiet" aria-label={own.full} onClick={() => setLarge(true)}>
            <Icon name="full" />
          </button>
          <button type="button" className="quiet only-wide" aria-label={own.hide} onClick={onHide}>
            <Icon name="close" />
          </button>
        </span>
      </header>
      {url && <SightWindow key={picture.id} {...{ url, picture, dragging, onAsk }} ref={zoom} />}
      {isReading && (
        <Suspense>
          <TextPanel key={picture.id} picture={picture} />
        </Suspense>
      )}
      <footer>
        <span className="sight-name">
          {picture.name} · {picture.width} × {picture.height}
        </span>
        <span>{own.markHint}</span>
      </footer>
      {pictures.length > 1 && <Choice pictures={pictures} chosen={picture.id} />}
      {url && isLarge && <Viewer url={url} picture={picture} onClose={() => setLarge(false)} />}
    </aside>
  );
}

function Choice({ pictures, chosen }: { pictures: readonly Picture[]; chosen: string }) {
  const own = useSightWords();
  return (
    <ul className="sight-choice" aria-label={own.pictures}>
      {pictures.map((picture) => (
        <li key={picture.id}>
          <Thumbnail picture={picture} isChosen={picture.id === chosen} />
        </li>
      ))}
    </ul>
  );
}

function Thumbnail({ picture, isChosen }: { picture: Picture; isChosen: boolean }) {
  const sight = useSight();
  const url = usePictureUrl(picture.id);
  return (
    <button type="button" aria-pressed={isChosen} onClick={() => sight?.change({ pictureId: picture.id })}>
      {url && <img src={url} alt={picture.name} loading="lazy" />}
    </button>
  );
}
