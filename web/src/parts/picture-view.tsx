/** A kept picture: small, and large when it is chosen. */
import { useEffect, useState } from "react";
import type { Picture } from "../conversation.js";
import { pictureBlob } from "../history.js";
import { Icon } from "../icons.js";
import { bytesText } from "../quantities.js";
import { timeText } from "../videos/limits.js";
import { useWords } from "../words.js";
import { Viewer } from "./viewer.js";

export function usePictureUrl(id: string): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    let made: string | undefined;
    let isOver = false;
    void pictureBlob(id).then((blob) => {
      if (!blob || isOver) return;
      made = URL.createObjectURL(blob);
      setUrl(made);
    });
    return () => {
      isOver = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [id]);
  return url;
}

interface PictureViewProps {
  readonly picture: Picture;
  readonly onRemove?: (() => void) | undefined;
}

function videoText({ seconds, bytes }: NonNullable<Picture["video"]>, word: string): string {
  return [word, ...(seconds === undefined ? [] : [timeText(seconds)]), bytesText(bytes)].join(" · ");
}

export function PictureView({ picture, onRemove }: PictureViewProps) {
  const words = useWords();
  const url = usePictureUrl(picture.id);
  const [isLarge, setLarge] = useState(false);
  const { name, width, height, isFirstFrame, video } = picture;
  return (
    <figure className="picture">
      <button type="button" aria-label={words.showPicture(name)} onClick={() => setLarge(true)}>
        {url && <img src={url} alt={name} width={width} height={height} />}
      </button>
      {onRemove && (
        <button type="button" className="remove" aria-label={words.removePicture(name)} onClick={onRemove}>
          <Icon name="close" />
        </button>
      )}
      {isFirstFrame && <figcaption>{words.firstFrame}</figcaption>}
      {video && <figcaption>{videoText(video, words.video)}</figcaption>}
      {url && isLarge && <Viewer url={url} picture={picture} onClose={() => setLarge(false)} />}
    </figure>
  );
}
