/** Above the page: its name, language and theme. */
import { Icon, Mark } from "../icons.js";
import { usePreferences } from "../preferences.js";
import { useDemoWords } from "./words.js";

export function DemoTop() {
  const words = useDemoWords();
  const { language, theme, change } = usePreferences();
  const isDark = theme === "dark";
  return (
    <header className="demo-top">
      <span className="wordmark">
        <Mark />
        Ocellus
      </span>
      <span className="row">
        <button
          type="button"
          className="quiet"
          lang={language === "en" ? "zh-CN" : "en"}
          onClick={() => change({ language: language === "en" ? "zh" : "en" })}
        >
          {words.otherLanguage}
        </button>
        <button
          type="button"
          className="quiet"
          aria-label={isDark ? words.useLight : words.useDark}
          onClick={() => change({ theme: isDark ? "light" : "dark" })}
        >
          <Icon name={isDark ? "sun" : "moon"} />
        </button>
      </span>
    </header>
  );
}
