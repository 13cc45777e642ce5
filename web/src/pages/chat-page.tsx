/** A conversation, or the empty page that begins one. */
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from "react";
import type { WireModel } from "../../../src/protocol/index.js";
import { type AskOptions, chats, useConversation } from "../chats.js";
import { type Answer, type Conversation, isOpen, type Picture } from "../conversation.js";
import { Icon } from "../icons.js";
import { AnswerView } from "../parts/answer-view.js";
import { Composer } from "../parts/composer.js";
import { EmptyPage } from "../parts/empty-page.js";
import { QuestionView } from "../parts/question-view.js";
import { SettingsPanel } from "../parts/settings-panel.js";
import { Tabs } from "../parts/tabs.js";
import { usePreferences } from "../preferences.js";
import type { Region } from "../region.js";
import { go } from "../route.js";
import { useChatModel } from "../server-state.js";
import { Sight, SightContext } from "../sight.js";
import { usePictures } from "../use-pictures.js";
import { useWords } from "../words.js";

const SightPane = lazy(async () => ({ default: (await import("../parts/sight-pane.js")).SightPane }));

interface ChatPageProps {
  readonly id: string | undefined;
  readonly isSettingsOpen: boolean;
  readonly onSettingsClose: () => void;
}

export function ChatPage({ id, isSettingsOpen, onSettingsClose }: ChatPageProps) {
  const conversation = useConversation(id);
  const model = useChatModel();
  const { settings, showsPicture, change } = usePreferences();
  const options = useMemo(
    () => ({ model: model?.id ?? "", abilities: abilitiesOf(model), settings }),
    [model, settings],
  );
  const [sight] = useState(() => new Sight());
  const [side, setSide] = useState<Side>("talk");
  const draft = usePictures();
  const pictures = picturesOf(conversation, draft.pictures);
  const field = useRef<HTMLTextAreaElement>(null);
  const last = conversation?.turns.at(-1);
  const isWriting = last?.role === "assistant" && isOpen(last);
  const isReady = model !== undefined;
  const stop = () => conversation && chats.stop(conversation.id);
  const send = (text: string, sent: readonly Picture[], region?: Region) => {
    const into = chats.send(conversation?.id, text, sent, options, region);
    setSide("talk");
    if (!conversation) go("chat", into);
  };
  useEscape(stop);
  const hasPane = pictures.length > 0;
  return (
    <SightContext value={sight}>
      <div
        className="chat"
        data-settings={isSettingsOpen}
        data-pane={hasPane && showsPicture}
        data-side={hasPane ? side : "talk"}
      >
        {hasPane && <SideTabs side={side} onChoose={setSide} />}
        <div className="talk">
          {conversation ? (
            <Turns conversation={conversation} options={options} />
          ) : (
            <EmptyPage isReady={isReady} onSend={send} />
          )}
          <Composer isFirst={!conversation} onSend={send} onStop={stop} {...{ draft, field, isWriting, isReady }} />
        </div>
        {hasPane && (
          <Suspense fallback={<div className="sight" />}>
            <SightPane
              pictures={pictures}
              onHide={() => change({ showsPicture: false })}
              onAsk={() => field.current?.focus()}
            />
          </Suspense>
        )}
        {hasPane && !showsPicture && <ShowPicture onClick={() => change({ showsPicture: true })} />}
        {isSettingsOpen && <SettingsPanel onClose={onSettingsClose} />}
      </div>
    </SightContext>
  );
}

function abilitiesOf(model: WireModel | undefined): AskOptions["abilities"] {
  if (!model) return undefined;
  const { model_type, places, device } = model.ocellus;
  return { model_type, places, device };
}

/** Of a phone, which has no room for both. */
type Side = "talk" | "picture";
const sides = ["talk", "picture"] as const;

function SideTabs({ side, onChoose }: { side: Side; onChoose: (side: Side) => void }) {
  const words = useWords();
  return (
    <div className="side-tabs">
      <Tabs label={words.conversation} names={sides} titles={words.sides} chosen={side} onChoose={onChoose} />
    </div>
  );
}

function ShowPicture({ onClick }: { onClick: () => void }) {
  const words = useWords();
  return (
    <button type="button" className="quiet show-picture" aria-label={words.largePicture} onClick={onClick}>
      <Icon name="picture" />
    </button>
  );
}

/** The newest first, each once. */
function picturesOf(conversation: Conversation | undefined, draft: readonly Picture[]): readonly Picture[] {
  const asked = (conversation?.turns ?? []).flatMap((turn) => (turn.role === "user" ? turn.pictures : []));
  const all = [...asked, ...draft].reverse();
  return [...new Map(all.map((picture) => [picture.id, picture])).values()];
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
