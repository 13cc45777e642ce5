/** A conversation, or the empty page that begins one. */
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from "react";
import type { WireModel } from "../../../src/protocol/index.js";
import { type AskOptions, chats, useConversation } from "../chats.js";
import { type Source, sourceOf } from "../citing/cited.js";
import { type Conversation, isOpen, type Picture } from "../conversation.js";
import { Icon } from "../icons.js";
import { isInBrowser } from "../in-browser/names.js";
import { Composer } from "../parts/composer.js";
import { EmptyPage } from "../parts/empty-page.js";
import { Tabs } from "../parts/tabs.js";
import { Turns } from "../parts/turns.js";
import { usePreferences } from "../preferences.js";
import type { Region } from "../region.js";
import { go } from "../route.js";
import { useChatModel } from "../server-state.js";
import { Sight, SightContext } from "../sight.js";
import { usePictures } from "../use-pictures.js";
import { useWords } from "../words.js";

const BrowserPanel = lazy(async () => ({ default: (await import("../in-browser/browser-panel.js")).BrowserPanel }));
const SettingsPanel = lazy(async () => ({ default: (await import("../parts/settings-panel.js")).SettingsPanel }));
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
  const [source, setSource] = useSource(conversation);
  const field = useRef<HTMLTextAreaElement>(null);
  const last = conversation?.turns.at(-1);
  const isWriting = last?.role === "assistant" && isOpen(last);
  const isReady = model !== undefined;
  const stop = () => conversation && chats.stop(conversation.id);
  const send = (text: string, sent: readonly Picture[], region?: Region) => {
    const into = chats.send(conversation?.id, text, sent, options, region, source);
    setSide("talk");
    if (!conversation) go("chat", into);
  };
  useEscape(stop);
  useEffect(() => chats.onPart((from, to) => from === id && go("chat", to)), [id]);
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
          <Suspense>{model && isInBrowser(model.id) && <BrowserPanel model={model} />}</Suspense>
          <Composer
            {...{ draft, field, source, isWriting, isReady }}
            isFirst={!conversation}
            onSource={setSource}
            onSend={send}
            onStop={stop}
          />
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
        <Suspense>{isSettingsOpen && <SettingsPanel onClose={onSettingsClose} />}</Suspense>
      </div>
    </SightContext>
  );
}

function abilitiesOf(model: WireModel | undefined): AskOptions["abilities"] {
  if (!model) return undefined;
  const { model_type, places, resize, device } = model.ocellus;
  return { model_type, places, resize, device };
}

/** As the last question had it, until another one is chosen or it is taken away. */
function useSource(conversation: Conversation | undefined) {
  const [changed, change] = useState<{ readonly to: Source | undefined }>();
  const source = changed ? changed.to : sourceOf(conversation?.turns ?? []);
  return [source, (to: Source | undefined) => change({ to })] as const;
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
  const all = [...asked, ...draft].filter(({ video }) => !video).reverse();
  return [...new Map(all.map((picture) => [picture.id, picture])).values()];
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
