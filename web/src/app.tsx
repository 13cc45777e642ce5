/** The page: its frame, and in it the room that the address names. */
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { ChatPage } from "./pages/chat-page.js";
import { ErrorBoundary } from "./parts/error-boundary.js";
import { ServerNotice } from "./parts/server-notice.js";
import { Sidebar } from "./parts/sidebar.js";
import { TopBar } from "./parts/top-bar.js";
import { UndoBar } from "./parts/undo-bar.js";
import { PreferencesContext, usePreferencesState } from "./preferences.js";
import { type Route, useRoute } from "./route.js";
import { ServerContext, useServerState } from "./server-state.js";
import { useWords } from "./words.js";

// Loaded when it is first gone to.
const CollectionsPage = lazy(async () => ({ default: (await import("./pages/collections-page.js")).CollectionsPage }));
const ComparePage = lazy(async () => ({ default: (await import("./pages/compare-page.js")).ComparePage }));
const DocsPage = lazy(async () => ({ default: (await import("./pages/docs-page.js")).DocsPage }));
const GuardsPage = lazy(async () => ({ default: (await import("./pages/guards-page.js")).GuardsPage }));
const ModelPage = lazy(async () => ({ default: (await import("./pages/model-page.js")).ModelPage }));
const MonitorPage = lazy(async () => ({ default: (await import("./pages/monitor-page.js")).MonitorPage }));
const TablePage = lazy(async () => ({ default: (await import("./table/table-page.js")).TablePage }));
const UsesPage = lazy(async () => ({ default: (await import("./pages/uses-page.js")).UsesPage }));
const VersionsPage = lazy(async () => ({ default: (await import("./pages/versions-page.js")).VersionsPage }));

export function App() {
  const preferences = usePreferencesState();
  const server = useServerState(preferences.key);
  return (
    <PreferencesContext value={preferences}>
      <ServerContext value={server}>
        <Frame />
      </ServerContext>
    </PreferencesContext>
  );
}

function Frame() {
  const words = useWords();
  const route = useRoute();
  const [isMenuOpen, setMenuOpen] = useState(false);
  const [isSettingsOpen, setSettingsOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  useEffect(() => setMenuOpen(false), [route.page, route.id]);
  useEffect(() => {
    document.title = route.page === "chat" ? "Ocellus" : `${words[route.page]} · Ocellus`;
  }, [route.page, words]);
  return (
    <div className="frame">
      <button type="button" className="skip" onClick={() => main.current?.focus()}>
        {words.skipToContent}
      </button>
      <Sidebar route={route} isOpen={isMenuOpen} onClose={() => setMenuOpen(false)} />
      <div className="stage">
        <TopBar
          route={route}
          isSettingsOpen={isSettingsOpen}
          onMenu={() => setMenuOpen(true)}
          onSettings={() => setSettingsOpen(!isSettingsOpen)}
        />
        <main ref={main} tabIndex={-1}>
          <ServerNotice />
          <ErrorBoundary key={route.page} again={words.retry}>
            <Suspense>
              <Page route={route} isSettingsOpen={isSettingsOpen} onSettingsClose={() => setSettingsOpen(false)} />
            </Suspense>
          </ErrorBoundary>
        </main>
        <UndoBar />
      </div>
    </div>
  );
}

interface PageProps {
  readonly route: Route;
  readonly isSettingsOpen: boolean;
  readonly onSettingsClose: () => void;
}

function Page({ route, isSettingsOpen, onSettingsClose }: PageProps) {
  switch (route.page) {
    case "chat":
      return (
        <ChatPage
          key={route.id ?? "new"}
          id={route.id}
          isSettingsOpen={isSettingsOpen}
          onSettingsClose={onSettingsClose}
        />
      );
    case "table":
      return <TablePage />;
    case "compare":
      return <ComparePage />;
    case "uses":
      return <UsesPage />;
    case "collections":
      return <CollectionsPage />;
    case "monitor":
      return <MonitorPage />;
    case "versions":
      return <VersionsPage />;
    case "guards":
      return <GuardsPage />;
    case "model":
      return <ModelPage />;
    case "docs":
      return <DocsPage />;
    default:
      return route.page satisfies never;
  }
}
