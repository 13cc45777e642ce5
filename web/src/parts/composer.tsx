/** Where a question is put together: pictures above, words below. */
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { Picture } from "../conversation.js";
import { Icon } from "../icons.js";
import { usePageFiles, usePictures } from "../use-pictures.js";
import { useWords } from "../words.js";
import { PickPictures } from "./pick-pictures.js";
import { PictureView } from "./picture-view.js";
import { ReadingNote } from "./reading-note.js";

interface ComposerProps {
  readonly isFirst: boolean;
  readonly isWriting: boolean;
  readonly isReady: boolean;
  readonly onSend: (text: string, pictures: readonly Picture[]) => void;
  readonly onStop: () => void;
}

export function Composer({ isFirst, isWriting, isReady, onSend, onStop }: ComposerProps) {
  const words = useWords();
  const [text, setText] = useState("");
  const draft = usePictures();
  const isOver = usePageFiles(draft.add);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (matchMedia("(pointer: fine)").matches) field.current?.focus(); // on a phone it would open the keyboard
  }, []);
  const [isHeld, setHeld] = useState(false);
  const isEmpty = text.trim() === "" && draft.pictures.length === 0 && draft.numReading === 0;
  const send = async () => {
    if (isEmpty || isWriting || !isReady || isHeld) return;
    setHeld(true);
    const pictures = await draft.settled();
    setHeld(false);
    if (!pictures) return; // the question waits for its picture's place to be decided
    onSend(text.trim(), pictures);
    setText("");
    draft.set([]);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // While Chinese is being composed, Enter chooses a word.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void send();
  };
  return (
    <div className="composer-place">
      {isOver && <p className="drop-here">{words.dropHere}</p>}
      <form
        className="composer"
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        {draft.pictures.length > 0 && (
          <div className="strip">
            {draft.pictures.map((picture) => (
              <PictureView key={picture.id} picture={picture} onRemove={() => draft.remove(picture.id)} />
            ))}
          </div>
        )}
        <ReadingNote draft={draft} />
        {draft.refused.map((name) => (
          <p key={name} className="wrong" role="alert">
            {words.unreadable(name)}
          </p>
        ))}
        <div className="composer-row">
          <PickPictures onFiles={draft.add} />
          <textarea
            ref={field}
            rows={1}
            value={text}
            readOnly={isHeld}
            aria-label={words.ask}
            aria-describedby="keys-hint"
            placeholder={isFirst ? words.askPlaceholder : words.followUp}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={onKeyDown}
          />
          {isWriting ? (
            <button type="button" className="send" aria-label={words.stop} onClick={onStop}>
              <Icon name="stop" />
            </button>
          ) : (
            <button type="submit" className="send" aria-label={words.send} disabled={isEmpty || !isReady || isHeld}>
              <Icon name="send" />
            </button>
          )}
        </div>
      </form>
      <p id="keys-hint" className="keys-hint">
        {words.keysHint}
      </p>
    </div>
  );
}
