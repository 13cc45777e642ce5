/** A conversation's name, and the files it can be saved as. */
import { type FormEvent, useEffect, useRef } from "react";
import { chats } from "../chats.js";
import type { Conversation } from "../conversation.js";
import { Icon } from "../icons.js";
import { useWords } from "../words.js";
import { type FileKind, fileKinds, saveConversation } from "./save-conversation.js";
import { useSharingWords } from "./words.js";
import "./sharing.css";

interface ConversationDialogProps {
  readonly conversation: Conversation;
  readonly onClose: () => void;
}

export function ConversationDialog({ conversation, onClose }: ConversationDialogProps) {
  const words = useSharingWords();
  const { close, ...pageWords } = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const rename = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get("name")).trim();
    if (name !== "") chats.rename(conversation.id, name);
    dialog.current?.close();
  };
  const notes: Readonly<Record<FileKind, string>> = {
    page: words.pageNote,
    markdown: words.markdownNote,
    json: words.jsonNote,
  };
  return (
    <dialog ref={dialog} className="sharing" aria-labelledby="sharing-title" onClose={onClose}>
      <header>
        <h2 id="sharing-title">{words.title}</h2>
        <button type="button" className="quiet" aria-label={close} onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </header>
      <form onSubmit={rename}>
        <label className="field">
          {words.name}
          <input name="name" defaultValue={conversation.title} maxLength={200} />
        </label>
        <button type="submit" className="firm">
          {words.save}
        </button>
      </form>
      <section aria-label={words.share}>
        <h3>{words.share}</h3>
        <ul>
          {fileKinds.map((kind) => (
            <li key={kind}>
              <button type="button" onClick={() => void saveConversation(kind, conversation, pageWords)}>
                <strong>{words[kind]}</strong>
                <span className="aside">{notes[kind]}</span>
              </button>
            </li>
          ))}
        </ul>
        <p className="aside">{words.kept}</p>
      </section>
    </dialog>
  );
}
