/** In the settings: the models that this browser has stored, each with its size and a way to remove it. */
import { useState } from "react";
import { bytesText } from "../quantities.js";
import { removeStored, type Stored, useStored } from "./host.js";
import { useBrowserWords } from "./words.js";
import "./in-browser.css";

export function StoredModels() {
  const words = useBrowserWords();
  const { stored, changed } = useStored();
  const [isInUse, setInUse] = useState(false);
  const remove = async (model: Stored) => {
    setInUse(!(await removeStored(model)));
    changed();
  };
  return (
    <fieldset className="stored-models">
      <legend>{words.storedTitle}</legend>
      {stored?.models.length === 0 && <p className="aside">{words.storedNone}</p>}
      <ul>
        {stored?.models.map((model) => (
          <li key={`${model.url} ${model.isWhole}`}>
            <span className="name">{model.name}</span>
            <span>
              {bytesText(model.sizeBytes)}
              {!model.isWhole && `, ${words.storedPart}`}
            </span>
            <button
              type="button"
              className="action"
              aria-label={words.remove(model.name)}
              onClick={() => void remove(model)}
            >
              {words.removeButton}
            </button>
          </li>
        ))}
      </ul>
      <div role="status">{isInUse && <p className="wrong">{words.inUse}</p>}</div>
    </fieldset>
  );
}
