/** One row to be looked at by a person: the picture large, its values to correct, and on to the next. */
import { type FormEvent, useEffect, useRef, useState } from "react";
import { Icon } from "../icons.js";
import { useWords } from "../words.js";
import { columnsOf } from "./plan.js";
import { ReviewField } from "./review-field.js";
import type { Plan, Row } from "./row.js";
import { table } from "./store.js";
import { useTableWords } from "./words.js";

interface ReviewDialogProps {
  readonly plan: Plan;
  readonly rows: readonly Row[];
  /** As they were shown when it was opened: what is corrected does not move what comes next. */
  readonly ids: readonly string[];
  readonly id: string;
  /** To begin with. */
  readonly column: string;
  readonly onGo: (id: string) => void;
  readonly onClose: () => void;
}

export function ReviewDialog({ plan, rows, ids, id, column, onGo, onClose }: ReviewDialogProps) {
  const words = useTableWords();
  const { close } = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  const url = useRowPicture(id);
  useEffect(() => dialog.current!.showModal(), []);
  useEffect(() => {
    if (!document.activeElement?.closest("footer"))
      dialog.current!.querySelector<HTMLElement>("[data-first=true]")?.focus();
  }, [id]);
  const row = rows.find((each) => each.id === id);
  if (!row) return null;
  const place = ids.indexOf(id);
  const next = ids[place + 1];
  const check = (event: FormEvent) => {
    event.preventDefault();
    table.check(id, true);
    if (next) onGo(next);
    else dialog.current?.close();
  };
  return (
    <dialog ref={dialog} className="review" aria-label={words.reviewTitle} onClose={onClose}>
      <header className="row spread">
        <h2>{row.name}</h2>
        <span className="aside">{words.placeOf(place + 1, ids.length)}</span>
        <button type="button" className="quiet" aria-label={close} onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </header>
      <div className="review-picture">{url && <img src={url} alt={row.name} />}</div>
      <form onSubmit={check}>
        {columnsOf(plan).map((name) => (
          <ReviewField
            key={`${id} ${name}`}
            name={name}
            field={plan.mode === "fields" ? plan.fields.find((each) => each.name.trim() === name) : undefined}
            cell={row.cells[name]}
            isFirst={name === column}
            onCorrect={(value) => table.correct(id, name, value)}
          />
        ))}
        <footer className="row">
          <button type="button" className="soft" disabled={place <= 0} onClick={() => onGo(ids[place - 1]!)}>
            {words.previous}
          </button>
          <button type="button" className="soft" disabled={!next} onClick={() => onGo(next!)}>
            {words.next}
          </button>
          <button type="submit" className="firm">
            {words.checkAndNext}
          </button>
        </footer>
      </form>
    </dialog>
  );
}

function useRowPicture(id: string): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    let made: string | undefined;
    let isOver = false;
    void table.picture(id).then((blob) => {
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
