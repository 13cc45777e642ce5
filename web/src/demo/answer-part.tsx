/** What is said beside the picture: how far the model is, and its answer. */
import { bytesText, secondsText } from "../quantities.js";
import type { DemoAnswer, ModelState } from "./use-demo.js";
import { useDemoWords } from "./words.js";

/** What the model is doing until it can answer, and why it cannot. */
export function ModelLine({ model }: { model: ModelState }) {
  const words = useDemoWords();
  if (model.state === "ready") return null;
  if (model.state === "failed")
    return (
      <div className="problem" role="alert">
        <strong>{words.failed}</strong>
        <p>{model.message}</p>
      </div>
    );
  const { doneBytes = 0, totalBytes = 0, isWaiting = false } = model.progress ?? {};
  const isFetching = totalBytes > 0 && doneBytes < totalBytes;
  const text = isWaiting
    ? words.waiting
    : isFetching
      ? words.loading(bytesText(doneBytes), bytesText(totalBytes))
      : words.opening;
  return (
    <div className="fetching">
      <p className="aside" role="status">
        {text}
      </p>
      <progress aria-label={text} max={totalBytes || 1} value={isFetching ? doneBytes : undefined} />
    </div>
  );
}

export function AnswerPart({ answer, model }: { answer: DemoAnswer; model: ModelState }) {
  const words = useDemoWords();
  const { text, isWhole, notes, figures, problem } = answer;
  const opened = model.state === "ready" ? model.model : undefined;
  return (
    <section aria-label={words.answer} aria-busy={!isWhole}>
      {text === "" && !isWhole && <p className="looking">{words.looking}</p>}
      <p className="said" aria-live="polite">
        {text}
      </p>
      {problem !== undefined && (
        <div className="problem" role="alert">
          <strong>{words.wentWrong}</strong>
          <p>{problem}</p>
        </div>
      )}
      {notes
        .flatMap((note) => words.notes[note] ?? [])
        .map((note) => (
          <p key={note} className="note">
            {note}
          </p>
        ))}
      {figures && opened && (
        <p className="aside">
          {words.figures(secondsText(figures.firstTokenMs), figures.tokensPerSecond.toFixed(0))} ·{" "}
          {words.runsOn[opened.info.device as "cpu"]}, {words.threads(opened.threads)}
        </p>
      )}
    </section>
  );
}
