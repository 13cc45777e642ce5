/** A conversation, or the empty page that begins one. */
import { useEffect, useRef } from "react";
import { type AskOptions, chats } from "../chats.js";
import type { Answer, Conversation, Picture } from "../conversation.js";
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
  readonly conversation: Conversation | undefined;
  readonly isSettingsOpen: boolean;
  readonly onSettingsClose: () => void;
}

export function ChatPage({ conversation, isSettingsOpen, onSettingsClose }: ChatPageProps) {
  const model = useModelName();
  const { settings } = usePreferences();
  const options = { model, settings };
  const last = conversation?.turns.at(-1);
  const isWriting = last?.role === "assistant" && (last.state === "waiting" || last.state === "writing");
  const stop = () => conversation && chats.stop(conversation.id);
  const send = (text: string, pictures: readonly Picture[]) => {
    const id = chats.send(conversation?.id, text, pictures, options);
    if (!conversation) go("chat", id);
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
  const { turns } = conversation;
  const scroller = useFollowing(turns.length);
  return (
    <div ref={scroller} className="turns" role="log" aria-live="off" aria-label={words.conversation}>
      <div className="column">
        {turns.map((turn, i) =>
          turn.role === "user" ? (
            <QuestionView
              key={turn.id}
              question={turn}
              onEdit={(text) => chats.edit(conversation, turn.id, text, options)}
            />
          ) : (
            <AnswerView
              key={turn.id}
              answer={turn}
              turns={turns.slice(0, i)}
              onRetry={() => chats.retry(conversation, turn.id, options)}
            />
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
