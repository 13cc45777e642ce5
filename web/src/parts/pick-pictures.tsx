import { useRef } from "react";
import { Icon } from "../icons.js";
import { useWords } from "../words.js";

interface PickPicturesProps {
  readonly onFiles: (files: Iterable<File>) => void;
  readonly label?: string;
  /** Whether videos may be chosen, too. */
  readonly hasVideos?: boolean;
}

/** A button that opens the file chooser; on a phone also the camera. */
export function PickPictures({ onFiles, label, hasVideos }: PickPicturesProps) {
  const words = useWords();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        accept={hasVideos ? "image/*,video/*" : "image/*"}
        multiple
        hidden
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])]);
          event.target.value = ""; // the same file may be picked again
        }}
      />
      <button
        type="button"
        className={label ? "soft" : "quiet"}
        aria-label={label ? undefined : words.addPictures}
        onClick={() => input.current?.click()}
      >
        <Icon name="picture" />
        {label}
      </button>
    </>
  );
}
