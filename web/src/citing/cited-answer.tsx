/** An answer that was given from pages of a collection: its text, whose numbers open them, and below it their list. */
import { type ReactNode, useMemo, useState } from "react";
import type { Answer } from "../conversation.js";
import { pictureBlob } from "../history.js";
import { bytesText } from "../quantities.js";
import { type Cited, type CitedPage, labelOf, titleOf } from "./cited.js";
import { CitedContext } from "./context.js";
import { PageViewer } from "./page-viewer.js";
import { useCitingWords } from "./words.js";
import "./citing.css";

interface CitedAnswerProps {
  readonly answer: Answer;
  readonly cited: Cited;
  /** What was asked. */
  readonly question: string;
  /** The answer's text. */
  readonly children: ReactNode;
}

export function CitedAnswer({ answer, cited, question, children }: CitedAnswerProps) {
  const own = useCitingWords();
  const { shown, lost, show, close } = useShownPage();
  const content = useMemo(() => {
    const kept = cited.pages.filter(({ picture }) => picture);
    return { pages: new Map(kept.map((page) => [page.number, page])), show };
  }, [cited, show]);
  return (
    <CitedContext value={content}>
      {children}
      <PagesList cited={cited} onShow={show} />
      {lost && (
        <p className="wrong" role="alert">
          {own.lost(titleOf(lost))}
        </p>
      )}
      {shown && <PageViewer {...shown} question={question} answer={answer.text} onClose={close} />}
    </CitedContext>
  );
}

/** A page whose picture is read from this browser when it is wanted, and may be gone by then. */
function useShownPage() {
  const [shown, set] = useState<{ readonly page: CitedPage; readonly url: string }>();
  const [lost, setLost] = useState<CitedPage>();
  const actions = useMemo(() => {
    const show = async (page: CitedPage) => {
      const blob = page.picture && (await pictureBlob(page.picture.id));
      setLost(blob ? undefined : page);
      if (blob) set({ page, url: URL.createObjectURL(blob) });
    };
    const close = () =>
      set((old) => {
        if (old) URL.revokeObjectURL(old.url);
        return undefined;
      });
    return { show: (page: CitedPage) => void show(page), close };
  }, []);
  return { shown, lost, ...actions };
}

function PagesList({ cited: { collection, pages }, onShow }: { cited: Cited; onShow: (page: CitedPage) => void }) {
  const own = useCitingWords();
  if (pages.length === 0) return <p className="aside note">{own.nothing(collection)}</p>;
  const bytes = pages.reduce((sum, page) => sum + (page.bytes ?? 0), 0);
  const isNamed = pages.some(({ cited }) => cited);
  return (
    <section className="cited-pages" aria-label={own.source(collection)}>
      <p className="aside">
        {own.from(pages.length, collection, bytes > 0 ? bytesText(bytes) : "")} {!isNamed && own.noneNamed}
      </p>
      <ol>
        {pages.map((page) => (
          <li key={page.number} data-cited={page.cited}>
            <PageItem page={page} onShow={onShow} />
          </li>
        ))}
      </ol>
    </section>
  );
}

function PageItem({ page, onShow }: { page: CitedPage; onShow: (page: CitedPage) => void }) {
  const own = useCitingWords();
  const { picture, source } = page;
  if (!picture)
    return (
      <span title={source}>
        {labelOf(page)} <small>({own.missing})</small>
      </span>
    );
  return (
    <button type="button" title={source} onClick={() => onShow(page)}>
      {labelOf(page)}
    </button>
  );
}
