/** An answer: its text as it comes, how fast it came, and what can be done with it. */
import { lazy, memo, Suspense, useState } from "react";
import { type Answer, isAskable, isOpen as isBeingWritten, type Turn } from "../conversation.js";
import { picturesOf, placesOf } from "../places.js";
import { useModels } from "../server-state.js";
import { useSight, useSightState } from "../sight.js";
import { useWords } from "../words.js";
import { AnswerText } from "./answer-text.js";
import { CodeDialog } from "./code-dialog.js";
import { Command } from "./command.js";
import { CopyButton } from "./copy-button.js";
import { TokenView } from "./token-view.js";

const LookView = lazy(async () => ({ default: (await import("./look-view.js")).LookView }));
const PlacesList = lazy(async () => ({ default: (await import("./places-list.js")).PlacesList }));
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
    <section className="answer" aria-label={answer.model} aria-busy={isOpen}>
      {answer.state === "waiting" && <p className="looking">{words.writing}</p>}
      {answer.reasoning && <Thoughts text={answer.reasoning} isWhole={!isOpen} />}
      {look.isShown ? (
        <Suspense>
          <LookView answer={answer} turns={turnsBefore(answer)} />
        </Suspense>
      ) : showsTokens ? (
        <TokenView logprobs={answer.logprobs} />
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
            <button type="button" className="action" onClick={() => onRetry(answer)}>
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
          {look.toggle && answer.text !== "" && picturesOf(turnsBefore(answer)).length > 0 && (
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
      {showsCode && <CodeDialog answer={answer} turns={turnsBefore(answer)} onClose={() => setShowsCode(false)} />}
    </section>
  );
});

/** Whether its looks are shown over the large picture; without `toggle` they cannot be. */
function useLook({ id, abilities }: Answer) {
  const sight = useSight();
  const isShown = useSightState(({ lookingAt }) => lookingAt === id);
  const isHere = sight && abilities && abilities.device !== "remote";
  return { isShown, toggle: isHere && (() => sight.change({ lookingAt: isShown ? undefined : id })) };
}

/** The answer's text; of JSON with confidences a form, of named places their list. */
function Said({ answer, turnsBefore }: Pick<AnswerViewProps, "answer" | "turnsBefore">) {
  const isJson = answer.settings.format !== "text";
  const text = <AnswerText text={answer.text} isJson={isJson} isWhole={!isBeingWritten(answer)} />;
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

interface OtherAnswersProps {
  readonly answer: Answer;
  readonly others: readonly Answer[];
  readonly onChoose: (answer: Answer, other: Answer) => void;
}

/** Steps through what was answered to the same question, the oldest first. */
function OtherAnswers({ answer, others, onChoose }: OtherAnswersProps) {
  const words = useWords();
  const place = others.filter(({ askedMs }) => askedMs < answer.askedMs).length;
  const [earlier, later] = [others[place - 1], others[place]];
  const step = (other: Answer | undefined, label: string, sign: string) => (
    <button
      type="button"
      className="action"
      aria-label={label}
      disabled={!other}
      onClick={() => onChoose(answer, other!)}
    >
      {sign}
    </button>
  );
  return (
    <fieldset className="other-answers" aria-label={words.otherAnswers}>
      {step(earlier, words.earlierAnswer, "‹")} {place + 1} / {others.length + 1} {step(later, words.laterAnswer, "›")}
    </fieldset>
  );
}

function ProblemView({ problem }: { problem: NonNullable<Answer["problem"]> }) {
  const words = useWords();
  return (
    <div className="problem" role="alert">
      <strong>{words.failed}</strong>
      <p>{problem.message}</p>
      {problem.requestId && (
        <small>
          {words.requestId} {problem.requestId}
        </small>
      )}
    </div>
  );
}

/** What the model was not trained for, and the command that gets one that was. */
function NotesView({ notes }: { notes: NonNullable<NonNullable<Answer["stats"]>["notes"]> }) {
  const words = useWords();
  return notes.map(({ kind, command }) => {
    const said = words.notes[kind];
    return command === undefined ? (
      <p key={kind} className="aside note">
        {said}
      </p>
    ) : (
      <div key={kind} className="note">
        <Command text={said} command={command} />
      </div>
    );
  });
}

/** Seconds for people: 0.04 s, 1.2 s. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 1000 ? 2 : 1)} s`;
}

function StatsLine({ answer }: { answer: Answer }) {
  const words = useWords();
  const { stats, tokensPerSecond, numTokens, usage, model, answeredBy = model, state } = answer;
  const context = useModels().find(({ id }) => id === model)?.ocellus.max_length;
  const parts = [
    state === "waiting" ? "" : answeredBy,
    tokensPerSecond ? words.tokensPerSecond(tokensPerSecond.toFixed(tokensPerSecond < 10 ? 1 : 0)) : "",
    numTokens > 0 ? words.tokens(numTokens) : "",
    stats ? words.firstToken(seconds(stats.timings.first_token_ms)) : "",
    usage && context ? words.contextUsed(usage.total_tokens, context) : "",
    stats?.images.some(({ cached }) => cached) ? words.knownPicture : "",
  ].filter((part) => part !== "");
  return <p className="facts">{parts.join(" · ")}</p>;
}
