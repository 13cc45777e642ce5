/** Pictures from the camera, the screen, the clipboard, or a PDF. Each asks the browser only when it is chosen. */
import { useEffect, useRef, useState } from "react";
import { ChooseCollection } from "../citing/choose-collection.js";
import { isInBrowser } from "../in-browser/names.js";
import { useModelName } from "../server-state.js";
import { clipboardPictures, screenStill, sourceProblem } from "../sources.js";
import { useSourceWords } from "../words-sources.js";
import { CameraDialog } from "./camera-dialog.js";
import { Templates } from "./templates.js";
import "../style/sources.css";

interface SourcesMenuProps {
  readonly onFiles: (files: Iterable<File>) => void;
  readonly onQuestion: (text: string) => void;
  readonly onCollection: (name: string) => void;
  readonly onClose: () => void;
}

export function SourcesMenu({ onFiles, onQuestion, onCollection, onClose }: SourcesMenuProps) {
  const own = useSourceWords();
  const isHere = isInBrowser(useModelName());
  const [problem, setProblem] = useState<string>();
  const [isCamera, setCamera] = useState(false);
  const menu = useRef<HTMLFieldSetElement>(null);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => menu.current?.querySelector("button")?.focus(), []);
  const give = (files: readonly File[]) => {
    onFiles(files);
    onClose();
  };
  const get = async (source: () => Promise<readonly File[]>) => {
    setProblem(undefined);
    try {
      const files = await source();
      if (files.length > 0) give(files);
      else setProblem(own.emptyClipboard);
    } catch (error) {
      setProblem(sourceProblem(error, own));
    }
  };
  if (isCamera) return <CameraDialog onTake={(file) => give([file])} onClose={onClose} />;
  return (
    <fieldset
      ref={menu}
      className="sources"
      aria-label={own.sources}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        onClose();
      }}
    >
      <button type="button" onClick={() => setCamera(true)}>
        {own.camera}
      </button>
      <button type="button" onClick={() => void get(async () => [await screenStill()])}>
        {own.screen}
      </button>
      <button type="button" onClick={() => void get(clipboardPictures)}>
        {own.clipboard}
      </button>
      <button type="button" disabled={isHere} aria-describedby="not-here" onClick={() => input.current?.click()}>
        {own.pdf}
      </button>
      <input
        ref={input}
        type="file"
        accept="application/pdf"
        hidden
        onChange={({ target }) => target.files?.length && give([...target.files])}
      />
      {isHere ? (
        <p id="not-here" className="aside">
          {own.notHere}
        </p>
      ) : (
        <ChooseCollection
          onChoose={(name) => {
            onCollection(name);
            onClose();
          }}
        />
      )}
      <Templates
        onChoose={(text) => {
          onQuestion(text);
          onClose();
        }}
      />
      {problem !== undefined && (
        <p className="wrong" role="alert">
          {problem}
        </p>
      )}
    </fieldset>
  );
}
