/** A conversation, or the empty page that begins one. */
import { useEffect, useMemo, useRef } from "react";
import { type AskOptions, chats, useConversation } from "../chats.js";
import { type Answer, type Conversation, isOpen, type Picture } from "../conversation.js";
import { AnswerView } from "../parts/answer-view.js";
import { Composer } from "../parts/composer.js";
import { EmptyPage } from "../parts/empty-page.js";
import { QuestionView } from "../parts/question-view.js";
import { SettingsPanel } from "../parts/settings-panel.js";
import { usePreferences } from "../preferences.js";
import { go } from "../route.js";
import { useModelName } from "../server-state.js";
import { useWords } from "../words.js";

interface ChatPageProps {
  readonly id: string | undefined;
  readonly isSettingsOpen: boolean;
  readonly onSettingsClose: () => void;
}

export function ChatPage({ id, isSettingsOpen, onSettingsClose }: ChatPageProps) {
  const conversation = useConversation(id);
  const model = useModelName();
  const { settings } = usePreferences();
  const options = useMemo(() => ({ model, settings }), [model, settings]);
  const last = conversation?.turns.at(-1);
  const isWriting = last?.role === "assistant" && isOpen(last);
  const stop = () => conversation && chats.stop(conversation.id);
  const send = (text: string, pictures: readonly Picture[]) => {
    const into = chats.send(conversation?.id, text, pictures, options);
    if (!conversation) go("chat", into);
  };
  useEscape(stop);
  return (
    <div className="chat" data-settings={isSettingsOpen}>
      <div className="talk">
        {conversation ? (
          <Turns conversation={conversation} options={options} />
        ) : (
          <EmptyPage isReady={model !== ""} onSend={send} />
        )}
        <Composer isFirst={!conversation} isWriting={isWriting} isReady={model !== ""} onSend={send} onStop={stop} />
      </div>
      {isSettingsOpen && <SettingsPanel onClose={onSettingsClose} />}
    </div>
  );
}

function Turns({ conversation, options }: { conversation: Conversation; options: AskOptions }) {
  const words = useWords();
  const { id, turns } = conversation;
  const scroller = useFollowing(turns.length);
  const { turnsBefore, edit, retry, choose } = useMemo(
    () => ({
      turnsBefore: (answer: Answer) => chats.turnsBefore(id, answer),
      edit: (turnId: string, text: string) => go("chat", chats.edit(id, turnId, text, options)),
      retry: (answer: Answer) => {
        go("chat", chats.retry(id, answer, options));
        scroller.current?.focus({ preventScroll: true }); // the button that had it is gone
      },
      choose: (answer: Answer, other: Answer) => chats.choose(id, answer, other),
    }),
    [id, options, scroller],
  );
  return (
    <div ref={scroller} className="turns" tabIndex={-1} role="log" aria-live="off" aria-label={words.conversation}>
      <div className="column">
        {turns.map((turn) =>
          turn.role === "user" ? (
            <QuestionView key={turn.id} question={turn} onEdit={edit} />
          ) : (
            <AnswerView key={turn.id} answer={turn} turnsBefore={turnsBefore} onRetry={retry} onChoose={choose} />
          ),
        )}
      </div>
      <Announcer answer={turns.findLast((turn) => turn.role === "assistant")} />
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

function useEscape(act: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !document.querySelector("dialog[open]")) act();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });
}
