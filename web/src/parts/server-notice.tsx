/** One line when the server cannot be asked, and the field for a key when it wants one. */
import { type FormEvent, useContext } from "react";
import { isInBrowser } from "../in-browser/names.js";
import { usePreferences } from "../preferences.js";
import { ServerContext, useModelName } from "../server-state.js";
import { useWords } from "../words.js";

export function ServerNotice() {
  const words = useWords();
  const { health } = useContext(ServerContext);
  const isHere = isInBrowser(useModelName());
  switch (health) {
    case "ok":
    case "asking":
      return null;
    case "locked":
      return <KeyField />;
    case "loading":
      return <Line text={words.loadingModel} />;
    case "draining":
      return <Line text={words.draining} />;
    case "unreachable":
      return <Line text={isHere ? words.unreachableHere : words.unreachable} />;
    default:
      return health satisfies never;
  }
}

function Line({ text }: { text: string }) {
  return (
    <p className="notice across" role="status">
      {text}
    </p>
  );
}

function KeyField() {
  const words = useWords();
  const { change } = usePreferences();
  const save = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    change({ key: String(new FormData(event.currentTarget).get("key")).trim() });
  };
  return (
    <form className="notice across key-field" onSubmit={save}>
      <label>
        {words.keyNeeded}
        <input name="key" type="password" autoComplete="off" placeholder="sk-ocellus-…" required />
      </label>
      <button type="submit" className="firm">
        {words.save}
      </button>
    </form>
  );
}
