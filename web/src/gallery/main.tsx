/**
 * The gallery: `show` puts one board on the page, in a language and a theme, and resolves when it stands still. A person opens it
 * with `?board=NAME&language=zh&theme=dark`; without a name it lists the boards.
 */
import { createRoot, type Root } from "react-dom/client";
import { chats } from "../chats.js";
import type { Language, Theme } from "../preferences.js";
import { loadWords } from "../words.js";
import { boards } from "./boards.js";
import { serve, usualAnswers } from "./server.js";
import { keepPictures, keepTalk } from "./talk.js";
import "../style/base.css";
import "../style/frame.css";
import "../style/chat.css";
import "./gallery.css";

declare global {
  interface Window {
    boards: readonly string[];
    show: typeof show;
  }
}

let root: Root | undefined;

async function show(name: string, language: Language, theme: Theme): Promise<void> {
  const board = boards.find((each) => each.name === name)!;
  root?.unmount();
  localStorage.setItem("ocellus.preferences", JSON.stringify({ language, theme, model: "qwen3-vl-2b" }));
  serve(board.answers ?? usualAnswers);
  await keepTalk(language);
  await chats.load();
  history.replaceState(null, "", board.hash ?? "#");
  await loadWords(language);
  root = createRoot(document.getElementById("root")!, { onCaughtError: () => {} }); // a board fails on purpose
  root.render(board.render());
  await shown("main h1"); // a room is loaded when it is gone to
  await stillness();
  for (const selector of board.presses ?? []) {
    (await shown(selector)).click();
    await stillness();
  }
  await shown(board.shows ?? "main");
  await stillness();
}

async function shown(selector: string): Promise<HTMLElement> {
  for (;;) {
    const found = document.querySelector<HTMLElement>(selector);
    if (found && !document.querySelector(".prose .plain")) return found; // Markdown is loaded when it is needed
    await new Promise((done) => setTimeout(done, 5));
  }
}

/** Nothing has changed for a moment. */
async function stillness(): Promise<void> {
  let changedAt = performance.now();
  const observer = new MutationObserver(() => {
    changedAt = performance.now();
  });
  observer.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
  const startMs = performance.now();
  while (performance.now() - changedAt < stillMs && performance.now() - startMs < patienceMs)
    await new Promise((done) => setTimeout(done, 10));
  observer.disconnect();
  await document.fonts.ready;
}
const stillMs = 60;
/** A room that always moves is shown all the same. */
const patienceMs = 1500;

function Index() {
  return (
    <main className="gallery-parts">
      <h1>Gallery</h1>
      <ul>
        {boards.map(({ name }) => (
          <li key={name}>
            {name}:{" "}
            {["en light", "en dark", "zh light", "zh dark"].map((both) => {
              const [language, theme] = both.split(" ") as [string, string];
              const address = `?${new URLSearchParams({ board: name, language, theme })}`;
              return (
                <a key={both} href={address}>
                  {both}
                </a>
              );
            })}
          </li>
        ))}
      </ul>
    </main>
  );
}

await keepPictures();
window.boards = boards.flatMap(({ name, isLarge }) => (isLarge ? [] : [name]));
window.show = show;
const asked = new URLSearchParams(location.search);
const named = asked.get("board");
if (named !== null)
  await show(named, (asked.get("language") ?? "en") as Language, (asked.get("theme") ?? "light") as Theme);
else {
  root = createRoot(document.getElementById("root")!);
  root.render(<Index />);
}
