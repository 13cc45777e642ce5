import { useState } from "react";
import { percentText } from "../quantities.js";
import { useVersionsWords } from "../words-versions.js";
import { ShareSlider } from "./share-slider.js";

interface ShareFieldProps {
  /** Of the canary now, a part of one. */
  readonly share: number;
  readonly onChange: (share: number) => void;
}

/** A slider that changes nothing until its button is pressed. */
export function ShareField({ share, onChange }: ShareFieldProps) {
  const words = useVersionsWords();
  const present = Math.max(1, Math.round(share * 100));
  const [wanted, setWanted] = useState(present);
  const isNew = wanted !== present;
  return (
    <div className="share-field">
      <ShareSlider value={wanted} text={percentText(isNew ? wanted / 100 : share)} onChange={setWanted} />
      {isNew && (
        <button type="button" className="soft" onClick={() => onChange(wanted / 100)}>
          {words.setShare(wanted / 100)}
        </button>
      )}
    </div>
  );
}
