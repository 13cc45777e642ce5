/** The questions and answers of a conversation, which stay at their end while they grow. */
import { useEffect, useMemo, useRef } from "react";
import { type AskOptions, chats } from "../chats.js";
import type { Answer, Conversation } from "../conversation.js";
import { go } from "../route.js";
import { useRetryFocus } from "../use-retry-focus.js";
import { useWords } from "../words.js";
import { AnswerView } from "./answer-view.js";
import { QuestionView } from "./question-view.js";

export function Turns({ conversation, options }: { conversation: Conversation; options: AskOptions }) {
  const words = useWords();
  const { id, turns } = conversation;
  const scroller = useFollowing(turns.length);
  const newest = turns.findLast((turn) => turn.role === "assistant");
  const holdFocus = useRetryFocus(scroller, newest);
  const { turnsBefore, edit, retry, choose } = useMemo(
    () => ({
      turnsBefore: (answer: Answer) => chats.turnsBefore(id, answer),
      edit: (turnId: string, text: string) => go("chat", chats.edit(id, turnId, text, options)),
      retry: (answer: Answer) => {
        go("chat", chats.retry(id, answer, options));
        holdFocus();
      },
      choose: (answer: Answer, other: Answer) => chats.choose(id, answer, other),
    }),
    [id, options, holdFocus],
  );
  return (
    <div ref={scroller} className="turns" tabIndex={-1} role="log" aria-live="off" aria-label={words.conversation}>
      <div className="column">
        <h1 className="unseen">{conversation.title}</h1>
        {turns.map((turn) =>
          turn.role === "user" ? (
            <QuestionView key={turn.id} question={turn} onEdit={edit} />
          ) : (
            <AnswerView key={turn.id} answer={turn} turnsBefore={turnsBefore} onRetry={retry} onChoose={choose} />
          ),
        )}
      </div>
      <Announcer answer={newest} />
    </div>
  );
}

/** Says an answer once, when it is whole: read aloud word by word it could not be followed. */
function Announcer({ answer }: { answer: Answer | undefined }) {
  const words = useWords();
  const isDone = answer?.state === "done";
  return (
    <p className="unseen" role="status">
      {isDone ? `${words.answerReady} ${answer.text}` : answer?.state === "waiting" ? words.writing : ""}
    </p>
  );
}

/** Stays at the end of a growing conversation, unless the reader has scrolled away from it. */
function useFollowing(numTurns: number) {
  const scroller = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  useEffect(() => {
    const element = scroller.current!;
    const look = () => {
      follows.current = element.scrollHeight - element.scrollTop - element.clientHeight < 80;
    };
    element.addEventListener("scroll", look, { passive: true });
    const grown = new ResizeObserver(() => {
      if (follows.current) element.scrollTop = element.scrollHeight;
    });
    grown.observe(element.firstElementChild!);
    return () => {
      element.removeEventListener("scroll", look);
      grown.disconnect();
    };
  }, []);
  useEffect(() => {
    follows.current = numTurns > 0; // a new turn is shown wherever the reader was
    scroller.current!.scrollTop = scroller.current!.scrollHeight;
  }, [numTurns]);
  return scroller;
}
