/** An answer: its text as it comes, how fast it came, and what can be done with it. */
import { lazy, memo, Suspense, useState } from "react";
import { type Answer, isAskable, isOpen as isBeingWritten, type Turn } from "../conversation.js";
import { serverNameOf } from "../in-browser/names.js";
import { picturesOf, placesOf } from "../places.js";
import { useSight, useSightState } from "../sight.js";
import { useWords } from "../words.js";
import { NotesView, StatsLine } from "./answer-notes.js";
import { AnswerText } from "./answer-text.js";
import { CopyButton } from "./copy-button.js";
import { OtherAnswers } from "./other-answers.js";
import { ProblemView } from "./problem-view.js";
import { Waiting } from "./waiting.js";

const CodeDialog = lazy(async () => ({ default: (await import("./code-dialog.js")).CodeDialog }));
const TokenView = lazy(async () => ({ default: (await import("./token-view.js")).TokenView }));

const LookView = lazy(async () => ({ default: (await import("./look-view.js")).LookView }));
const PlacesList = lazy(async () => ({ default: (await import("./places-list.js")).PlacesList }));
const CitedAnswer = lazy(async () => ({ default: (await import("../citing/cited-answer.js")).CitedAnswer }));
const JsonAnswer = lazy(async () => ({ default: (await import("./json-answer.js")).JsonAnswer }));

interface AnswerViewProps {
  readonly answer: Answer;
  /** All that came before it. */
  readonly turnsBefore: (answer: Answer) => readonly Turn[];
  readonly onRetry?: ((answer: Answer) => void) | undefined;
  readonly onChoose?: (answer: Answer, other: Answer) => void;
}

/** While one answer grows, the others are not rendered again. */
export const AnswerView = memo(function AnswerView({ answer, turnsBefore, onRetry, onChoose }: AnswerViewProps) {
  const words = useWords();
  const [showsTokens, setShowsTokens] = useState(false);
  const [showsCode, setShowsCode] = useState(false);
  const isOpen = isBeingWritten(answer);
  const look = useLook(answer);
  return (
    <article className="answer" aria-label={serverNameOf(answer.model)} aria-busy={isOpen}>
      {answer.state === "waiting" && <Waiting model={answer.model} />}
      {answer.reasoning && <Thoughts text={answer.reasoning} isWhole={!isOpen} />}
      {look.isShown ? (
        <Suspense>
          <LookView answer={answer} turns={turnsBefore(answer)} />
        </Suspense>
      ) : showsTokens ? (
        <Suspense>
          <TokenView logprobs={answer.logprobs} />
        </Suspense>
      ) : (
        <Said answer={answer} turnsBefore={turnsBefore} />
      )}
      {answer.problem && <ProblemView problem={answer.problem} />}
      {answer.state === "stopped" && <p className="aside">{words.stopped}</p>}
      {answer.finish === "length" && <p className="aside">{words.cutOff}</p>}
      <NotesView notes={answer.stats?.notes ?? []} />
      <StatsLine answer={answer} />
      {!isOpen && (
        <div className="actions">
          {answer.others && onChoose && <OtherAnswers answer={answer} others={answer.others} onChoose={onChoose} />}
          {answer.text !== "" && <CopyButton text={answer.text} />}
          {onRetry && (
            <button type="button" className="action" data-retry onClick={() => onRetry(answer)}>
              {words.retry}
            </button>
          )}
          {answer.logprobs.length > 0 && (
            <button
              type="button"
              className="action"
              aria-pressed={showsTokens}
              onClick={() => setShowsTokens(!showsTokens)}
            >
              {words.probabilities}
            </button>
          )}
          {look.toggle && answer.text !== "" && showsPictures(turnsBefore(answer)) && (
            <button type="button" className="action" aria-pressed={look.isShown} onClick={look.toggle}>
              {words.whereItLooked}
            </button>
          )}
          {isAskable(answer.settings) && (
            <button type="button" className="action" onClick={() => setShowsCode(true)}>
              {words.code}
            </button>
          )}
        </div>
      )}
      <Suspense>
        {showsCode && <CodeDialog answer={answer} turns={turnsBefore(answer)} onClose={() => setShowsCode(false)} />}
      </Suspense>
    </article>
  );
});

/** And no videos, whose frames stand among them in the prompt. */
function showsPictures(turns: readonly Turn[]): boolean {
  const pictures = picturesOf(turns);
  return pictures.length > 0 && pictures.every(({ video }) => !video);
}

/** Whether its looks are shown over the large picture; without `toggle` they cannot be. */
function useLook({ id, abilities, cited }: Answer) {
  const sight = useSight();
  const isShown = useSightState(({ lookingAt }) => lookingAt === id);
  // Read again, the answer would stand behind other pictures than it was given from.
  const isHere = sight && abilities && abilities.device !== "remote" && !cited;
  return { isShown, toggle: isHere && (() => sight.change({ lookingAt: isShown ? undefined : id })) };
}

/** The answer's text; of JSON with confidences a form, of named places their list. */
function Said({ answer, turnsBefore }: Pick<AnswerViewProps, "answer" | "turnsBefore">) {
  const isJson = answer.settings.format !== "text";
  const plain = <AnswerText text={answer.text} isJson={isJson} isWhole={!isBeingWritten(answer)} />;
  const { cited } = answer;
  const question = turnsBefore(answer).at(-1)?.text ?? "";
  const text = cited ? (
    <Suspense fallback={plain}>
      <CitedAnswer {...{ answer, cited, question }}>{plain}</CitedAnswer>
    </Suspense>
  ) : (
    plain
  );
  const sight = useSight();
  const isPlaced = placesOf(answer).length > 0;
  const isForm = isJson && answer.stats?.fields !== undefined;
  if (!sight || !(isPlaced || isForm)) return text;
  const picture = picturesOf(turnsBefore(answer)).at(-1);
  return (
    <Suspense fallback={text}>
      {isForm ? <JsonAnswer answer={answer} picture={picture} text={text} /> : text}
      {isPlaced && !isForm && <PlacesList answer={answer} picture={picture} />}
    </Suspense>
  );
}

function Thoughts({ text, isWhole }: { text: string; isWhole: boolean }) {
  const words = useWords();
  return (
    <details className="thoughts">
      <summary>{words.thoughts}</summary>
      <AnswerText text={text} isJson={false} isWhole={isWhole} />
    </details>
  );
}
