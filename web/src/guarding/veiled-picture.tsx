/** A picture that a guard has found something in: hidden until it is asked for. */
import { useState } from "react";
import type { Picture } from "../conversation.js";
import { PictureView } from "../parts/picture-view.js";
import { useGuardWords } from "./words.js";

export function VeiledPicture({ picture }: { picture: Picture }) {
  const words = useGuardWords();
  const [isShown, setShown] = useState(false);
  return (
    <div className="veiled" data-shown={isShown}>
      <div inert={!isShown} aria-hidden={!isShown}>
        <PictureView picture={picture} />
      </div>
      {!isShown && <span className="unseen">{words.veiled}</span>}
      <button type="button" className="soft" aria-pressed={isShown} onClick={() => setShown(!isShown)}>
        {isShown ? words.hide : words.show}
      </button>
    </div>
  );
}
