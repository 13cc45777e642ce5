/** The pages of a PDF, small, to choose those that a question is about; the server draws them. */
import { useEffect, useRef, useState } from "react";
import type { WireDocumentImages } from "../../../src/protocol/index.js";
import { readDocumentImages } from "../api.js";
import type { Problem } from "../conversation.js";
import { Icon } from "../icons.js";
import { readAsDataUrl } from "../pictures.js";
import { problemOf } from "../problems.js";
import { useWords } from "../words.js";
import { useSourceWords } from "../words-sources.js";
import { ProblemView } from "./problem-view.js";
import "../style/sources.css";

interface PdfDialogProps {
  readonly file: File;
  readonly onFiles: (files: Iterable<File>) => void;
  readonly onClose: () => void;
}

type Page = WireDocumentImages["pages"][number];

/** Of a request, by the server's rule. */
const pagesAtOnce = 16;
const thumbnailSide = 360;
/** As many as one question takes, with room for a picture or two. */
const mostChosen = 16;

export function PdfDialog({ file, onFiles, onClose }: PdfDialogProps) {
  const [words, own] = [useWords(), useSourceWords()];
  const dialog = useRef<HTMLDialogElement>(null);
  const { pages, rest, problem, isBusy, more, drawn } = usePdf(file);
  const [chosen, choose] = useState<readonly number[]>([]);
  useEffect(() => dialog.current?.showModal(), []);
  const toggle = (page: number) =>
    choose(chosen.includes(page) ? chosen.filter((each) => each !== page) : [...chosen, page].sort((a, b) => a - b));
  const add = async () => {
    const files = await drawn(chosen);
    if (!files) return;
    onFiles(files);
    onClose();
  };
  return (
    <dialog ref={dialog} className="pdf" aria-labelledby="pdf-title" onClose={onClose}>
      <header className="row spread">
        <h2 id="pdf-title">{own.pdfTitle(file.name)}</h2>
        <button type="button" className="quiet" aria-label={words.close} onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </header>
      <ul className="pdf-pages">
        {pages.map((page) => (
          <li key={page.page}>
            <PageChoice page={page} isChosen={chosen.includes(page.page)} onToggle={() => toggle(page.page)} />
          </li>
        ))}
      </ul>
      {isBusy && <p role="status">{own.pdfReading}</p>}
      {problem && <ProblemView problem={problem} />}
      <div className="row spread">
        {rest > 0 ? (
          <button type="button" className="soft" disabled={isBusy} onClick={() => void more()}>
            {own.more(rest)}
          </button>
        ) : (
          <p className="aside">{own.choose}</p>
        )}
        {chosen.length > mostChosen ? (
          <p className="wrong">{own.tooMany(mostChosen)}</p>
        ) : (
          <button type="button" className="firm" disabled={chosen.length === 0 || isBusy} onClick={() => void add()}>
            {own.chosen(chosen.length)}
          </button>
        )}
      </div>
    </dialog>
  );
}

function PageChoice({ page, isChosen, onToggle }: { page: Page; isChosen: boolean; onToggle: () => void }) {
  const own = useSourceWords();
  return (
    <button type="button" aria-pressed={isChosen} aria-label={own.page(page.page)} onClick={onToggle}>
      <img src={page.image_url} alt="" width={page.width} height={page.height} />
      <span>{page.page}</span>
    </button>
  );
}

/** Its pages so far, and those that are chosen at full size, as files. */
function usePdf(file: File) {
  const [pages, setPages] = useState<readonly Page[]>([]);
  const [total, setTotal] = useState(0);
  const [problem, setProblem] = useState<Problem>();
  const [isBusy, setBusy] = useState(false);
  const document = useRef<Promise<string>>(undefined);
  const ask = async (wanted: string, maxSide?: number) => {
    document.current ??= readAsDataUrl(
      file.type === "application/pdf" ? file : new Blob([file], { type: "application/pdf" }),
    );
    setBusy(true);
    setProblem(undefined);
    try {
      const side = maxSide === undefined ? {} : { max_side: maxSide };
      return await readDocumentImages({ document: await document.current, pages: wanted, ...side });
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setBusy(false);
    }
  };
  const more = async () => {
    const first = pages.length + 1;
    const found = await ask(`${first}-${total > 0 ? Math.min(total, first + pagesAtOnce - 1) : ""}`, thumbnailSide);
    if (!found) return;
    setTotal(found.num_pages);
    setPages([...pages, ...found.pages]);
  };
  useEffect(() => void more(), []);
  const drawn = async (numbers: readonly number[]): Promise<File[] | undefined> => {
    const found = await ask(numbers.join(","));
    return found && Promise.all(found.pages.map((page) => fileOf(page, file.name)));
  };
  return { pages, rest: total - pages.length, problem, isBusy, more, drawn };
}

async function fileOf({ page, image_url }: Page, name: string): Promise<File> {
  const bytes = Uint8Array.from(atob(image_url.slice(image_url.indexOf(",") + 1)), (character) =>
    character.charCodeAt(0),
  );
  return new File([bytes], `${name.replace(/\.pdf$/i, "")} p. ${page}.png`, { type: "image/png" });
}
