/** Above every page: the menu (on a phone), the model that is asked, the settings. */
import { Icon } from "../icons.js";
import { usePreferences } from "../preferences.js";
import type { PageName } from "../route.js";
import { useModelName, useModels } from "../server-state.js";
import { useWords } from "../words.js";

interface TopBarProps {
  readonly page: PageName;
  readonly isSettingsOpen: boolean;
  readonly onMenu: () => void;
  readonly onSettings: () => void;
}

export function TopBar({ page, isSettingsOpen, onMenu, onSettings }: TopBarProps) {
  const words = useWords();
  return (
    <header className="top-bar">
      <button type="button" className="quiet only-narrow" aria-label={words.menu} onClick={onMenu}>
        <Icon name="menu" />
      </button>
      {page === "chat" || page === "uses" ? <ModelChoice /> : <span className="model-name" />}
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

function ModelChoice() {
  const words = useWords();
  const models = useModels();
  const name = useModelName();
  const { change } = usePreferences();
  if (models.length < 2) return <span className="model-name">{name}</span>;
  return (
    <select
      className="model-name"
      aria-label={words.model}
      value={name}
      onChange={(event) => change({ model: event.target.value })}
    >
      {models.map(({ id }) => (
        <option key={id}>{id}</option>
      ))}
    </select>
  );
}
