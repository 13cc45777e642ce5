/** Beside the file chooser: camera, screen, clipboard and PDF. What is behind the button is loaded when it is pressed. */
import { lazy, Suspense, useState } from "react";
import { Icon } from "../icons.js";
import { useWords } from "../words.js";

const SourcesMenu = lazy(async () => ({ default: (await import("./sources-menu.js")).SourcesMenu }));

interface MoreSourcesProps {
  readonly onFiles: (files: Iterable<File>) => void;
  /** A question that is kept. */
  readonly onQuestion: (text: string) => void;
  readonly onCollection: (name: string) => void;
}

export function MoreSources(given: MoreSourcesProps) {
  const words = useWords();
  const [isOpen, setOpen] = useState(false);
  return (
    <div className="more-sources">
      <button
        type="button"
        className="quiet"
        aria-label={words.moreSources}
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="plus" />
      </button>
      {isOpen && (
        <Suspense>
          <SourcesMenu {...given} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </div>
  );
}
