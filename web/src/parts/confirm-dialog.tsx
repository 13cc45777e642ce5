import { useEffect, useRef } from "react";
import { useWords } from "../words.js";

interface ConfirmDialogProps {
  readonly title: string;
  /** What will happen. */
  readonly text: string;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** Says what a button will do before it does it. The focus begins on the way out. */
export function ConfirmDialog({ title, text, onConfirm, onClose }: ConfirmDialogProps) {
  const words = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const confirm = () => {
    onConfirm();
    dialog.current?.close();
  };
  return (
    <dialog ref={dialog} className="code-dialog confirm-dialog" aria-labelledby="confirm-title" onClose={onClose}>
      <h2 id="confirm-title">{title}</h2>
      <p>{text}</p>
      <div className="row">
        <button type="button" className="soft" onClick={() => dialog.current?.close()}>
          {words.cancel}
        </button>
        <button type="button" className="firm" onClick={confirm}>
          {title}
        </button>
      </div>
    </dialog>
  );
}
