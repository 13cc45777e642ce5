/** What the reader asked, with its pictures; it can be put in other words. */
import { type FormEvent, memo, useState } from "react";
import type { Question } from "../conversation.js";
import { useWords } from "../words.js";
import { PictureView } from "./picture-view.js";

interface QuestionViewProps {
  readonly question: Question;
  readonly onEdit: (turnId: string, text: string) => void;
}

export const QuestionView = memo(function QuestionView({ question, onEdit }: QuestionViewProps) {
  const words = useWords();
  const [isEditing, setEditing] = useState(false);
  const [wasEdited, setEdited] = useState(false);
  const { source } = question;
  const cancel = () => {
    setEditing(false);
    setEdited(true);
  };
  return (
    <article className="question" aria-label={words.you}>
      {question.pictures.length > 0 && (
        <div className="shown" data-count={Math.min(question.pictures.length, 4)}>
          {question.pictures.map((picture) => (
            <PictureView key={picture.id} picture={picture} />
          ))}
        </div>
      )}
      {source && <p className="aside">{words.askedOf(source.collection, source.pages)}</p>}
      {isEditing ? (
        <EditForm
          text={question.text}
          onCancel={cancel}
          onSave={(text) => {
            setEditing(false);
            onEdit(question.id, text);
          }}
        />
      ) : (
        <div className="asked">
          <p>{question.text}</p>
          {/* biome-ignore lint/a11y/noAutofocus: the focus was on it before */}
          <button type="button" className="action" autoFocus={wasEdited} onClick={() => setEditing(true)}>
            {words.edit}
          </button>
        </div>
      )}
    </article>
  );
});

interface EditFormProps {
  readonly text: string;
  readonly onCancel: () => void;
  readonly onSave: (text: string) => void;
}

function EditForm({ text, onCancel, onSave }: EditFormProps) {
  const words = useWords();
  const save = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    onSave(String(new FormData(event.currentTarget).get("text")).trim());
  };
  return (
    <form className="edit" onSubmit={save} onKeyDown={(event) => event.key === "Escape" && onCancel()}>
      <textarea name="text" defaultValue={text} aria-label={words.edit} rows={2} ref={(field) => field?.focus()} />
      <div className="row">
        <button type="submit" className="firm">
          {words.saveAndAsk}
        </button>
        <button type="button" className="soft" onClick={onCancel}>
          {words.cancel}
        </button>
      </div>
    </form>
  );
}
