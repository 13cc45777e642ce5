/** Questions that are asked often: chosen by a click, edited as lines, kept in this browser. */
import { useState } from "react";
import { usePreferences } from "../preferences.js";
import { useWords } from "../words.js";
import { useSourceWords } from "../words-sources.js";

/** As many as can be looked over. */
const maxTemplates = 30;

export function Templates({ onChoose }: { onChoose: (text: string) => void }) {
  const own = useSourceWords();
  const { templates = own.templates, change } = usePreferences();
  const [isEditing, setEditing] = useState(false);
  if (isEditing)
    return (
      <EditTemplates
        templates={templates}
        onSave={(next) => {
          if (next) change({ templates: next });
          setEditing(false);
        }}
      />
    );
  return (
    <>
      <h3 className="sources-title">{own.templatesTitle}</h3>
      {templates.map((text) => (
        <button key={text} type="button" onClick={() => onChoose(text)}>
          {text}
        </button>
      ))}
      <button type="button" className="edit-templates" onClick={() => setEditing(true)}>
        {own.editTemplates}
      </button>
    </>
  );
}

interface EditTemplatesProps {
  readonly templates: readonly string[];
  /** Nothing: they stay as they are. */
  readonly onSave: (templates: readonly string[] | undefined) => void;
}

function EditTemplates({ templates, onSave }: EditTemplatesProps) {
  const [words, own] = [useWords(), useSourceWords()];
  const [opened] = useState(templates);
  const [text, setText] = useState(opened.join("\n"));
  const added = templates.filter((each) => !opened.includes(each)); // in another tab meanwhile
  const lines = [...new Set([...text.split("\n").map((line) => line.trim()), ...added])].filter((line) => line !== "");
  return (
    <div className="templates-form">
      <label>
        {own.oneALine}
        <textarea
          rows={7}
          value={text}
          ref={(field) => field?.focus()}
          onChange={({ target }) => setText(target.value)}
        />
      </label>
      <div className="row">
        <button type="button" className="firm" onClick={() => onSave(lines.slice(0, maxTemplates))}>
          {words.save}
        </button>
        <button type="button" className="soft" onClick={() => onSave(undefined)}>
          {words.cancel}
        </button>
      </div>
    </div>
  );
}
