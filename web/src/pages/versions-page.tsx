/** Versions behind the aliases: what is served, what is tried, what the analysis saw, and the buttons that change it. */
import type { FormEvent } from "react";
import type { WireAdminState } from "../../../src/protocol/index.js";
import { Act } from "../parts/act.js";
import { AliasPanel } from "../parts/alias-panel.js";
import { NewAliasForm } from "../parts/begin-form.js";
import { Command } from "../parts/command.js";
import { HistoryList } from "../parts/history-list.js";
import { PublishedList } from "../parts/published-list.js";
import { Sheet } from "../parts/sheet.js";
import { usePreferences } from "../preferences.js";
import { type Seen, useVersions } from "../versions.js";
import { useWords } from "../words.js";
import { useVersionsWords } from "../words-versions.js";
import "../style/versions.css";
import { ProblemView } from "../parts/problem-view.js";
import { problemOf } from "../problems.js";

export function VersionsPage() {
  const words = useVersionsWords();
  const seen = useVersions(usePreferences().adminKey);
  return (
    <Sheet>
      <h1>{words.title}</h1>
      <p className="lead">{words.lead}</p>
      <Problem seen={seen} />
      {seen.state?.aliases.length === 0 && <Command text={words.empty} command="ocellus rollout deploy prod VERSION" />}
      {seen.state?.aliases.map((alias) => (
        <AliasPanel key={alias.name} alias={alias} versions={seen.state!.versions} history={seen.history} />
      ))}
      {seen.state && seen.state.versions.length > 0 && <Beyond state={seen.state} />}
      {seen.history && <HistoryList history={seen.history} />}
    </Sheet>
  );
}

/** What is no alias's own: a new one, and all that is published. */
function Beyond({ state }: { state: WireAdminState }) {
  const { begin } = useVersionsWords().rollout;
  return (
    <>
      <Act>
        {(ask) => (
          <details className="opens new-alias">
            <summary>{begin.newAlias}</summary>
            <NewAliasForm versions={state.versions} onIntent={ask} />
          </details>
        )}
      </Act>
      <PublishedList state={state} />
    </>
  );
}

function Problem({ seen: { problem } }: { seen: Seen }) {
  const words = useVersionsWords();
  if (!problem) return null;
  if (problem.status === 404) return <Command text={words.missing} command="ocellus serve --registry ./registry" />;
  return (
    <>
      {problem.status !== 401 && <ProblemView problem={problemOf(problem)} />}
      {problem.status === 401 && (
        <>
          <AdminKeyField />
          <Command text={words.keyMade} command={makeAdminKey} />
        </>
      )}
    </>
  );
}

const makeAdminKey = "ocellus keys add NAME --keys-file admin.json && ocellus serve --admin-keys-file admin.json";

function AdminKeyField() {
  const words = useWords();
  const versionsWords = useVersionsWords();
  const { change } = usePreferences();
  const save = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    change({ adminKey: String(new FormData(event.currentTarget).get("key")).trim() });
  };
  return (
    <form className="notice key-field" onSubmit={save}>
      <label>
        {versionsWords.keyNeeded}
        <input name="key" type="password" autoComplete="off" placeholder="sk-ocellus-…" required />
      </label>
      <button type="submit" className="firm">
        {words.save}
      </button>
    </form>
  );
}
