/** A page that an answer was given from, large, and beside it its text with the passage that the answer is most like. */
import { useEffect, useMemo, useRef } from "react";
import { Viewer } from "../parts/viewer.js";
import { type CitedPage, titleOf } from "./cited.js";
import { passageOf } from "./passage.js";
import { useCitingWords } from "./words.js";

interface PageViewerProps {
  readonly page: CitedPage;
  readonly url: string;
  readonly question: string;
  readonly answer: string;
  readonly onClose: () => void;
}

export function PageViewer({ page, url, question, answer, onClose }: PageViewerProps) {
  const { number, picture, text } = page;
  const named = { ...picture!, name: `[${number}] ${titleOf(page)}` };
  return (
    <Viewer url={url} picture={named} onClose={onClose}>
      {text && <PageText text={text} {...{ question, answer, number }} />}
    </Viewer>
  );
}

interface PageTextProps {
  readonly text: string;
  readonly question: string;
  readonly answer: string;
  readonly number: number;
}

function PageText({ text, question, answer, number }: PageTextProps) {
  const own = useCitingWords();
  const passage = useMemo(() => passageOf(text, { question, answer, number }), [text, question, answer, number]);
  const mark = useRef<HTMLElement>(null);
  useEffect(() => void mark.current?.scrollIntoView({ block: "center" }), []); // newer browsers give a promise
  const { from, to } = passage ?? { from: text.length, to: text.length };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="page-text" aria-label={own.passage} tabIndex={0}>
      {passage && <p className="aside">{own.marked}</p>}
      <p className="page-words">
        {text.slice(0, from)}
        {passage && <mark ref={mark}>{text.slice(from, to)}</mark>}
        {text.slice(to)}
      </p>
    </section>
  );
}
