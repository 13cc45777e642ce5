/** Earlier conversations: looked through, opened, deleted, and read from a file. */
import { useState } from "react";
import { chats, useTitles } from "../chats.js";
import { Icon } from "../icons.js";
import { go, hrefOf } from "../route.js";
import { findConversations } from "../search.js";
import { useWords } from "../words.js";

/** Fewer are seen at a glance. */
const searchedFrom = 4;

export function Earlier({ current }: { current: string | undefined }) {
  const words = useWords();
  const conversations = useTitles();
  const [wanted, setWanted] = useState("");
  const isSearched = wanted.trim() !== "";
  const shown = isSearched
    ? findConversations(chats.all(), wanted)
    : conversations.map((each) => ({ ...each, excerpt: "" }));
  const remove = (id: string) => {
    chats.remove(id);
    if (id === current) go("chat");
  };
  return (
    <section className="earlier" aria-label={words.earlier}>
      {conversations.length > 0 && <h2>{words.earlier}</h2>}
      {(conversations.length >= searchedFrom || isSearched) && (
        <input
          type="search"
          aria-label={words.searchChats}
          placeholder={words.searchChats}
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
        />
      )}
      {isSearched && shown.length === 0 && <p className="aside">{words.nothingFound}</p>}
      <ul>
        {shown.map(({ id, title, excerpt }) => (
          <li key={id}>
            <a href={hrefOf("chat", id)} aria-current={id === current ? "page" : undefined}>
              {title}
              {excerpt !== "" && <small>{excerpt}</small>}
            </a>
            <button type="button" className="quiet" aria-label={words.deleteChat(title)} onClick={() => remove(id)}>
              <Icon name="remove" />
            </button>
          </li>
        ))}
      </ul>
      <OpenSaved />
    </section>
  );
}

function OpenSaved() {
  const words = useWords();
  const [refused, setRefused] = useState<string>();
  const choose = () => {
    const input = Object.assign(document.createElement("input"), { type: "file", accept: ".json,application/json" });
    input.onchange = () => void open(input.files?.[0]);
    input.click();
  };
  const open = async (file: File | undefined) => {
    if (!file) return;
    setRefused(undefined);
    const { openSaved } = await import("../sharing/open-saved.js");
    const id = await openSaved(file);
    if (id === undefined) setRefused(file.name);
    else go("chat", id);
  };
  return (
    <>
      <button type="button" className="action open-saved" onClick={choose}>
        {words.openSaved}
      </button>
      {refused !== undefined && (
        <p className="wrong" role="alert">
          {words.notSaved(refused)}
        </p>
      )}
    </>
  );
}
