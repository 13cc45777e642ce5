/** Above every page: the menu (on a phone), the model that is asked, the settings. */
import { lazy, Suspense, useState } from "react";
import { useConversation } from "../chats.js";
import { Icon } from "../icons.js";
import { isInBrowser, serverNameOf } from "../in-browser/names.js";
import { usePreferences } from "../preferences.js";
import type { Route } from "../route.js";
import { useChatModel, useChatModels } from "../server-state.js";
import { useWords } from "../words.js";
import { ModelOptions } from "./model-options.js";

interface TopBarProps {
  readonly route: Route;
  readonly isSettingsOpen: boolean;
  readonly onMenu: () => void;
  readonly onSettings: () => void;
}

export function TopBar({ route: { page, id }, isSettingsOpen, onMenu, onSettings }: TopBarProps) {
  const words = useWords();
  return (
    <header className="top-bar">
      <button type="button" className="quiet only-narrow" aria-label={words.menu} onClick={onMenu}>
        <Icon name="menu" />
      </button>
      {page === "chat" || page === "uses" ? <ModelChoice /> : <span className="model-name" />}
      {page === "chat" && id !== undefined && <ShareButton key={id} id={id} />}
      {page === "chat" && (
        <button
          type="button"
          className="quiet"
          aria-label={words.settings}
          aria-expanded={isSettingsOpen}
          onClick={onSettings}
        >
          <Icon name="settings" />
        </button>
      )}
    </header>
  );
}

const ConversationDialog = lazy(async () => ({
  default: (await import("../sharing/conversation-dialog.js")).ConversationDialog,
}));

function ShareButton({ id }: { id: string }) {
  const words = useWords();
  const conversation = useConversation(id);
  const [isOpen, setOpen] = useState(false);
  if (!conversation) return null;
  return (
    <>
      <button type="button" className="quiet" aria-label={words.shareChat} onClick={() => setOpen(true)}>
        <Icon name="share" />
      </button>
      <Suspense>{isOpen && <ConversationDialog conversation={conversation} onClose={() => setOpen(false)} />}</Suspense>
    </>
  );
}

function ModelChoice() {
  const words = useWords();
  const models = useChatModels();
  const name = useChatModel()?.id;
  const { model: chosen, change } = usePreferences();
  if (models.length < 2 && name !== undefined && !isInBrowser(name)) return <span className="model-name">{name}</span>;
  if (models.length === 0 && !isInBrowser(chosen)) return <span className="model-name" />;
  return (
    <select
      className="model-name"
      aria-label={words.model}
      value={name ?? chosen}
      onChange={(event) => change({ model: event.target.value })}
    >
      {name === undefined && (
        <option value={chosen} disabled>
          {words.notOffered(serverNameOf(chosen))}
        </option>
      )}
      <ModelOptions models={models} />
    </select>
  );
}
