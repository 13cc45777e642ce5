/** The way around: pages, earlier conversations, language and theme. On a phone it slides in over the page. */
import { useEffect, useRef } from "react";
import { Icon, Mark } from "../icons.js";
import { usePreferences } from "../preferences.js";
import { hrefOf, type PageName, pages, type Route } from "../route.js";
import { useFocusBack } from "../use-focus-back.js";
import { loadWords, useWords } from "../words.js";
import { Earlier } from "./earlier.js";

/** The API's stands below. */
const rooms = pages.filter((page) => page !== "chat" && page !== "docs");

interface SidebarProps {
  readonly route: Route;
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

export function Sidebar({ route, isOpen, onClose }: SidebarProps) {
  const words = useWords();
  const closing = useRef<HTMLButtonElement>(null);
  useFocusBack(isOpen);
  useEffect(() => {
    if (isOpen) closing.current?.focus();
  }, [isOpen]);
  return (
    <>
      {isOpen && <button type="button" className="veil" aria-label={words.close} tabIndex={-1} onClick={onClose} />}
      <aside className="sidebar" data-open={isOpen} onKeyDown={(event) => event.key === "Escape" && onClose()}>
        <header className="brand">
          <a href={hrefOf("chat")} className="wordmark">
            <Mark />
            Ocellus
          </a>
          <button ref={closing} type="button" className="quiet only-narrow" aria-label={words.close} onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
        <nav aria-label={words.mainNavigation}>
          <a className="new-chat" href={hrefOf("chat")}>
            <Icon name="plus" />
            {words.newChat}
          </a>
          {rooms.map((page) => (
            <a key={page} href={hrefOf(page)} aria-current={route.page === page ? "page" : undefined}>
              {words[page]}
            </a>
          ))}
        </nav>
        <Earlier current={route.id} />
        <Foot page={route.page} />
      </aside>
    </>
  );
}

function Foot({ page }: { page: PageName }) {
  const words = useWords();
  const { language, theme, change } = usePreferences();
  const isDark = theme === "dark";
  const other = language === "en" ? "zh" : "en";
  return (
    <footer className="foot">
      <button
        type="button"
        className="quiet language"
        lang={language === "en" ? "zh-CN" : "en"}
        aria-label={words.otherLanguage}
        onClick={() => void loadWords(other).then(() => change({ language: other }))}
      >
        {language === "en" ? "中文" : "English"}
      </button>
      <button
        type="button"
        className="quiet"
        aria-label={isDark ? words.useLight : words.useDark}
        onClick={() => change({ theme: isDark ? "light" : "dark" })}
      >
        <Icon name={isDark ? "sun" : "moon"} />
      </button>
      <a className="reference" href={hrefOf("docs")} aria-current={page === "docs" ? "page" : undefined}>
        {words.docs}
      </a>
    </footer>
  );
}
