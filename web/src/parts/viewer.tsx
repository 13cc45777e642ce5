/** A picture by itself: first whole, then by wheel, pinch, buttons or keys up to its own pixels, and moved by dragging. */
import { lazy, type ReactNode, Suspense, useEffect, useRef } from "react";
import type { Picture } from "../conversation.js";
import { Icon } from "../icons.js";
import { useWords } from "../words.js";

interface ViewerProps {
  readonly url: string;
  readonly picture: Picture;
  readonly onClose: () => void;
  /** What stands beside it; on a phone below. */
  readonly children?: ReactNode;
}

const ZoomedPicture = lazy(async () => ({ default: (await import("./zoomed-picture.js")).ZoomedPicture }));

export function Viewer({ url, picture, onClose, children }: ViewerProps) {
  const words = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const { name, width, height } = picture;
  const zoomed = (
    <Suspense fallback={<img src={url} alt={name} />}>
      <ZoomedPicture url={url} picture={picture} />
    </Suspense>
  );
  return (
    <dialog ref={dialog} className="viewer" aria-label={name} onClose={onClose}>
      {children ? (
        <div className="viewer-beside">
          {zoomed}
          {children}
        </div>
      ) : (
        zoomed
      )}
      <footer>
        <span>
          {name} · {width} × {height}
        </span>
        <button type="button" className="quiet" aria-label={words.close} onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </footer>
    </dialog>
  );
}
