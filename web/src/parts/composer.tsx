/** Where a question is put together: pictures above, words below. */
import { type KeyboardEvent, lazy, type RefObject, Suspense, useEffect, useState } from "react";
import { type Source, usualPages } from "../citing/cited.js";
import type { Picture } from "../conversation.js";
import { Icon } from "../icons.js";
import type { Region } from "../region.js";
import { useSight, useSightState } from "../sight.js";
import { type PictureDraft, usePageFiles } from "../use-pictures.js";
import { isVideo } from "../videos/limits.js";
import { useVideos } from "../videos/use-videos.js";
import { useWords } from "../words.js";
import { MoreSources } from "./more-sources.js";
import { PdfFiles } from "./pdf-files.js";
import { PickPictures } from "./pick-pictures.js";
import { PictureView } from "./picture-view.js";
import { ReadingNote } from "./reading-note.js";

const SourceChip = lazy(async () => ({ default: (await import("../citing/source-chip.js")).SourceChip }));
const VideoNote = lazy(async () => ({ default: (await import("../videos/video-note.js")).VideoNote }));

function isPdf({ type, name }: File): boolean {
  return type === "application/pdf" || (type === "" && /\.pdf$/i.test(name));
}

interface ComposerProps {
  readonly draft: PictureDraft;
  readonly field: RefObject<HTMLTextAreaElement | null>;
  /** The collection that is asked. */
  readonly source: Source | undefined;
  readonly onSource: (source: Source | undefined) => void;
  readonly isFirst: boolean;
  readonly isWriting: boolean;
  readonly isReady: boolean;
  readonly onSend: (text: string, pictures: readonly Picture[], region: Region | undefined) => void;
  readonly onStop: () => void;
}

export function Composer(given: ComposerProps) {
  const { draft, field, source, onSource, isFirst, isWriting, isReady, onSend, onStop } = given;
  const words = useWords();
  const [text, setText] = useState("");
  const sight = useSight();
  const region = useSightState((state) => state.region);
  const [pdfs, setPdfs] = useState<readonly File[]>([]);
  const videos = useVideos(draft);
  const add = (given: Iterable<File>) => {
    const files = [...given];
    draft.add(files.filter((file) => !isPdf(file) && !isVideo(file)));
    videos.add(files.filter(isVideo));
    setPdfs([...pdfs, ...files.filter(isPdf)]);
  };
  const isOver = usePageFiles(add);
  useEffect(() => {
    if (matchMedia("(pointer: fine)").matches) field.current?.focus(); // on a phone it would open the keyboard
  }, [field]);
  const [isHeld, setHeld] = useState(false);
  const isEmpty = text.trim() === "" && draft.pictures.length === 0 && draft.numReading === 0 && !region;
  const send = async () => {
    if (isEmpty || isWriting || !isReady || isHeld) return;
    setHeld(true);
    const pictures = await draft.settled();
    await sight?.state().cutting;
    setHeld(false);
    if (!pictures) return; // the question waits for its picture's place to be decided
    onSend(text.trim(), pictures, sight?.state().region);
    sight?.change({ region: undefined });
    setText("");
    draft.set([]);
    setPdfs([]);
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
        {region && (
          <div className="about-part">
            <span>{words.aboutPart}</span>
            <PictureView picture={region.crop} onRemove={() => sight?.change({ region: undefined })} />
          </div>
        )}
        <Suspense>{source && <SourceChip source={source} onChange={onSource} />}</Suspense>
        <ReadingNote draft={draft} />
        <Suspense>{videos.isTold && <VideoNote draft={videos} />}</Suspense>
        {videos.refusedOthers.map((name) => (
          <p key={name} className="wrong" role="alert">
            {words.unreadable(name)}
          </p>
        ))}
        <div className="composer-row">
          <PickPictures onFiles={add} hasVideos />
          <MoreSources
            onFiles={add}
            onCollection={(collection) => onSource({ collection, pages: source?.pages ?? usualPages })}
            onQuestion={(kept) => {
              setText(kept);
              field.current?.focus();
            }}
          />
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
      <PdfFiles pdfs={pdfs} onFiles={draft.add} onClose={() => setPdfs(pdfs.slice(1))} />
      <p id="keys-hint" className="keys-hint">
        {words.keysHint}
      </p>
    </div>
  );
}
