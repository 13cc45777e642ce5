import { useState } from "react";
import { useWords } from "../words.js";
import { percentText } from "../words-versions.js";

interface ShareFieldProps {
  /** Of the canary now, a part of one. */
  readonly share: number;
  readonly onChange: (share: number) => void;
}

/** A slider that changes nothing until its button is pressed. */
export function ShareField({ share, onChange }: ShareFieldProps) {
  const words = useWords().versionsRoom;
  const [wanted, setWanted] = useState(Math.max(1, Math.round(share * 100)));
  const isNew = wanted !== Math.max(1, Math.round(share * 100));
  return (
    <div className="share-field">
      <label className="field">
        <span>
          {words.share} <output>{percentText(isNew ? wanted / 100 : share)}</output>
        </span>
        <input
          type="range"
          min={1}
          max={100}
          value={wanted}
          onChange={(event) => setWanted(Number(event.target.value))}
        />
      </label>
      {isNew && (
        <button type="button" className="soft" onClick={() => onChange(wanted / 100)}>
          {words.setShare(wanted / 100)}
        </button>
      )}
    </div>
  );
}
