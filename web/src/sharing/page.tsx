/**
 * A conversation as one HTML file that opens anywhere: pictures and style are in it, scripts are neither in it nor allowed, and
 * nothing is fetched.
 */
import type { ReactNode } from "react";
import { flushSync } from "react-dom";
import { createRoot } from "react-dom/client";
import { type Cited, titleOf } from "../citing/cited.js";
import { CitedContext } from "../citing/context.js";
import type { Answer, Conversation, Turn } from "../conversation.js";
import { modelTitle } from "../in-browser/names.js";
import { MarkdownView } from "../parts/markdown-view.js";
import type { ShareWords } from "./markdown.js";
import style from "./page.css?raw";

const policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

interface PageWords extends ShareWords {
  readonly language: string;
}

export function pageOf({ title, turns }: Conversation, urls: ReadonlyMap<string, string>, words: PageWords): string {
  const body = htmlOf(
    <main>
      <h1>{title}</h1>
      {turns.map((turn) => (
        <TurnView key={turn.id} turn={turn} urls={urls} words={words} />
      ))}
    </main>,
  );
  return `<!doctype html>
<html lang="${words.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escaped(title)}</title>
<style>
${style}</style>
</head>
<body>
${body}
</body>
</html>
`;
}

function TurnView({ turn, urls, words }: { turn: Turn; urls: ReadonlyMap<string, string>; words: PageWords }) {
  if (turn.role === "assistant")
    return (
      <article className="answer">
        <CitedText answer={turn} urls={urls} />
        <footer>
          {modelTitle(turn.model, words)} · {new Date(turn.askedMs).toISOString().slice(0, 16).replace("T", " ")} UTC
        </footer>
      </article>
    );
  const pictures = turn.pictures.filter(({ id }) => urls.has(id));
  return (
    <article className="question" aria-label={words.you}>
      {pictures.map(({ id, name }) => (
        <img key={id} src={urls.get(id)} alt={name} />
      ))}
      {turn.text !== "" && <p>{turn.text}</p>}
    </article>
  );
}

/** The pages stand below the words, which lead to them by their numbers. */
function CitedText({ answer, urls }: { answer: Answer; urls: ReadonlyMap<string, string> }) {
  const { id, text, cited = { pages: [] as Cited["pages"] } } = answer;
  const pages = cited.pages.filter(({ picture }) => picture && urls.has(picture.id));
  const anchor = (number: number) => `page-${id}-${number}`;
  const content = {
    pages: new Map(pages.map((page) => [page.number, page])),
    hrefOf: ({ number }: { number: number }) => `#${anchor(number)}`,
  };
  return (
    <>
      <CitedContext value={content}>
        <MarkdownView text={text} />
      </CitedContext>
      {pages.map((page) => (
        <figure key={page.number} id={anchor(page.number)}>
          <img src={urls.get(page.picture!.id)} alt={titleOf(page)} />
          <figcaption>
            [{page.number}] {titleOf(page)}
          </figcaption>
        </figure>
      ))}
    </>
  );
}

/** React escapes what it writes. */
function htmlOf(node: ReactNode): string {
  const place = document.createElement("div");
  const root = createRoot(place);
  flushSync(() => root.render(node));
  const html = place.innerHTML;
  root.unmount();
  return html;
}

/** React would put a title into the head of this page. */
function escaped(text: string): string {
  const place = document.createElement("div");
  place.textContent = text;
  return place.innerHTML;
}
