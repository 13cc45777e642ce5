/** The picture's place: what is shown, where the model looked, and the ways to another picture. */
import { useState } from "react";
import { Mark } from "../icons.js";
import { HeatMap } from "./heat-map.js";
import type { DemoAnswer, Shown } from "./use-demo.js";
import { useDemoWords } from "./words.js";

interface PicturePlaceProps {
  readonly picture: Shown | undefined;
  readonly answer: DemoAnswer | undefined;
  readonly isOver: boolean;
  readonly onFile: (file: File) => void;
}

export function PicturePlace({ picture, answer, isOver, onFile }: PicturePlaceProps) {
  const words = useDemoWords();
  const [showsMap, setShowsMap] = useState(true);
  const looked = answer?.looked;
  return (
    <figure className="sight" data-over={isOver}>
      <div className="frame">
        {picture ? (
          <div className="seen">
            <img src={picture.url} alt={words.shownPicture(picture.name)} />
            {looked && showsMap && <HeatMap looked={looked} label={words.whereNote} />}
          </div>
        ) : (
          <Mark />
        )}
      </div>
      <figcaption>
        <span>
          {words.drop}{" "}
          <label className="pick">
            {words.choose}
            <input
              type="file"
              accept="image/*"
              onChange={(event) => {
                const [file] = event.target.files ?? [];
                if (file) onFile(file);
                event.target.value = ""; // the same file may be chosen again
              }}
            />
          </label>
        </span>
        {looked && (
          <button type="button" className="action" aria-pressed={showsMap} onClick={() => setShowsMap(!showsMap)}>
            {words.where}
          </button>
        )}
      </figcaption>
    </figure>
  );
}
