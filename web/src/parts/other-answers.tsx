import type { Answer } from "../conversation.js";
import { useWords } from "../words.js";

interface OtherAnswersProps {
  readonly answer: Answer;
  readonly others: readonly Answer[];
  readonly onChoose: (answer: Answer, other: Answer) => void;
}

/** Steps through what was answered to the same question, the oldest first. */
export function OtherAnswers({ answer, others, onChoose }: OtherAnswersProps) {
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
