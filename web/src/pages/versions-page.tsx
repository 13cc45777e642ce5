/** Versions behind the aliases: what is served, what is tried, what the judge saw, and the buttons that change it. */
import type { FormEvent } from "react";
import { AliasPanel } from "../parts/alias-panel.js";
import { Command } from "../parts/command.js";
import { HistoryList } from "../parts/history-list.js";
import { Sheet } from "../parts/sheet.js";
import { usePreferences } from "../preferences.js";
import { type Seen, useVersions } from "../versions.js";
import { useWords } from "../words.js";

export function VersionsPage() {
  const words = useWords().versionsRoom;
  const seen = useVersions(usePreferences().adminKey);
  return (
    <Sheet>
      <h1>{words.title}</h1>
      <p className="lead">{words.lead}</p>
      <Problem seen={seen} />
      {seen.state?.aliases.length === 0 && <Command text={words.empty} command="ocellus deploy prod VERSION" />}
      {seen.state?.aliases.map((alias) => (
        <AliasPanel key={alias.name} alias={alias} versions={seen.state!.versions} />
      ))}
      {seen.history && <HistoryList history={seen.history} />}
    </Sheet>
  );
}

function Problem({ seen: { problem } }: { seen: Seen }) {
  const words = useWords().versionsRoom;
  if (!problem) return null;
  if (problem.status === 404) return <Command text={words.missing} command="ocellus serve --registry ./registry" />;
  return (
    <>
      <p className="notice">{problem.message}</p>
      {problem.status === 401 && <AdminKeyField />}
    </>
  );
}

function AdminKeyField() {
  const words = useWords();
  const { change } = usePreferences();
  const save = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    change({ adminKey: String(new FormData(event.currentTarget).get("key")).trim() });
  };
  return (
    <form className="notice key-field" onSubmit={save}>
      <label>
        {words.versionsRoom.keyNeeded}
        <input name="key" type="password" autoComplete="off" placeholder="sk-ocellus-…" required />
      </label>
      <button type="submit" className="firm">
        {words.save}
      </button>
    </form>
  );
}
