/** Ready panels for what people want an eye for. */
import { type ReactNode, useState } from "react";
import { AnswerView } from "../parts/answer-view.js";
import { ExamplesRow } from "../parts/examples-row.js";
import { FindPanel } from "../parts/find-panel.js";
import { Sheet } from "../parts/sheet.js";
import { percent } from "../parts/token-view.js";
import { usePreferences } from "../preferences.js";
import { useModelName } from "../server-state.js";
import { type AnswerSlot, useAnswer } from "../use-answer.js";
import { usePictures } from "../use-pictures.js";
import { useWords } from "../words.js";

export function UsesPage() {
  const words = useWords();
  return (
    <Sheet>
      <h1>{words.usesTitle}</h1>
      <p className="lead">{words.usesLead}</p>
      <div className="uses">
        <AskPanel
          title={words.product}
          note={words.productNote}
          questions={words.productQuestions}
          example="dress.jpg"
        />
        <AskPanel
          title={words.screenshot}
          note={words.screenshotNote}
          questions={words.screenshotQuestions}
          example="screen-error.jpg"
        />
        <MatchPanel />
        <FindPanel />
      </div>
    </Sheet>
  );
}

interface AskPanelProps {
  readonly title: string;
  readonly note: string;
  /** Two, each asked in a request of its own. */
  readonly questions: readonly string[];
  readonly example: string;
  /** A field above the button. */
  readonly children?: ReactNode;
  readonly foot?: (slot: AnswerSlot) => ReactNode;
}

function AskPanel({ title, note, questions, example, children, foot }: AskPanelProps) {
  const words = useWords();
  const model = useModelName();
  const draft = usePictures(1);
  const slots = [useAnswer(), useAnswer()] as const;
  const used = slots.slice(0, questions.length);
  const run = () => used.forEach((slot, i) => void slot.ask(questions[i]!, draft.pictures, model));
  return (
    <section className="panel use" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <p className="aside">{note}</p>
      </header>
      <ExamplesRow draft={draft} names={[example]} />
      {children}
      <button
        type="button"
        className="firm"
        disabled={
          draft.pictures.length === 0 || draft.numReading > 0 || model === "" || used.some((slot) => slot.isWriting)
        }
        onClick={run}
      >
        {words.run}
      </button>
      {used.map(({ answer, turns }, i) => (
        <div key={questions[i]} className="sent">
          <p className="aside">{questions[i]}</p>
          {answer && <AnswerView answer={answer} turnsBefore={() => turns} />}
        </div>
      ))}
      {foot?.(used[0]!)}
    </section>
  );
}

function MatchPanel() {
  const words = useWords();
  const { language } = usePreferences();
  const [typed, setTyped] = useState<string>();
  const text = typed ?? words.matchExample;
  return (
    <AskPanel
      title={words.match}
      note={words.matchNote}
      questions={[words.matchQuestion(text)]}
      example="dress.jpg"
      foot={({ answer }) => {
        const [first] = answer?.logprobs ?? [];
        return first ? <p className="verdict">{words.certainty(percent(first.logprob))}</p> : null;
      }}
    >
      <label className="field">
        {words.matchField}
        <input key={language} value={text} onChange={(event) => setTyped(event.target.value)} />
      </label>
    </AskPanel>
  );
}
