/** A sentence and pictures against the policy in force: no model is asked but those of the guards. */
import { type FormEvent, useState } from "react";
import type { ModerationFinding, ModerationPart, ModerationResult } from "../../../src/protocol/index.js";
import { moderate } from "../api.js";
import type { Picture, Problem } from "../conversation.js";
import { ExamplesRow } from "../parts/examples-row.js";
import { ProblemView } from "../parts/problem-view.js";
import { dataUrl } from "../pictures.js";
import { problemOf } from "../problems.js";
import { percentText } from "../quantities.js";
import { usePictures } from "../use-pictures.js";
import { useWords } from "../words.js";
import { FalsePositive } from "./false-positive.js";
import { VeiledPicture } from "./veiled-picture.js";
import { useGuardWords } from "./words.js";

interface Tried {
  readonly result: ModerationResult;
  readonly text: string;
  readonly pictures: readonly Picture[];
}

export function TryGuards({ onTried }: { onTried: () => void }) {
  const words = useWords();
  const [text, setText] = useState("");
  const draft = usePictures();
  const { pictures } = draft;
  const [tried, setTried] = useState<Tried>();
  const [problem, setProblem] = useState<Problem>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setProblem(undefined);
    try {
      const shown = pictures.map(async ({ id, name }): Promise<ModerationPart> => {
        return { type: "image_url", image_url: { url: await dataUrl(id, name) } };
      });
      const said: ModerationPart[] = text === "" ? [] : [{ type: "text", text }];
      setTried({ result: await moderate([...said, ...(await Promise.all(shown))]), text, pictures });
      onTried();
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  return (
    <form className="panel" onSubmit={(event) => void submit(event)}>
      <h2>{words.guardsTry}</h2>
      <textarea
        aria-label={words.guardsSentence}
        placeholder={words.guardsSentence}
        value={text}
        onChange={(event) => setText(event.target.value)}
        rows={2}
      />
      <ExamplesRow draft={draft} label={words.guardsPicture} />
      <button type="submit" className="firm" disabled={(text === "" && pictures.length === 0) || draft.numReading > 0}>
        {words.guardsCheck}
      </button>
      {problem && <ProblemView problem={problem} />}
      {tried && <Result tried={tried} />}
    </form>
  );
}

function Result({ tried: { result, text, pictures } }: { tried: Tried }) {
  const words = useWords();
  const { passes } = useGuardWords();
  const { verdict, findings } = result.ocellus;
  const first = text === "" ? 0 : 1; // parts before the pictures
  return (
    <div className="tried" role="status">
      <p className="tried-verdict" data-verdict={verdict}>
        {findings.length === 0 ? passes : words.guardVerdicts[verdict]}
      </p>
      <ul className="stopped">
        {findings.map((finding, i) => (
          <li key={i} data-verdict={finding.action}>
            <Finding finding={finding} text={text} picture={pictures[finding.part - first]} />
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Words around a hit say to a person what it was. */
const context = 30;

interface FindingProps {
  readonly finding: ModerationFinding;
  readonly text: string;
  readonly picture: Picture | undefined;
}

function Finding({ finding: { guard, category, score, action, reason, span }, text, picture }: FindingProps) {
  const words = useWords();
  const { why } = useGuardWords();
  const percent = percentText(Number(score.toFixed(2)));
  const [from, to] = span ? [Math.max(0, span.start - context), span.end + context] : [0, 0];
  return (
    <>
      <p>
        <strong>{words.guardVerdicts[action]}</strong>{" "}
        {why({ guard, category, percent, subject: span ? "text" : "image", stage: "input", verdict: action })}{" "}
        <span className="aside" lang="en">
          {reason}
        </span>
      </p>
      {span && (
        <blockquote>
          {text.slice(from, span.start)}
          <mark>{text.slice(span.start, span.end)}</mark>
          {text.slice(span.end, to)}
        </blockquote>
      )}
      {picture && !span && <VeiledPicture picture={picture} />}
      {span && <FalsePositive guard={guard} category={category} text={text.slice(from, to)} />}
    </>
  );
}
