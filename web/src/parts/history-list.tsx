import type { WireHistory } from "../../../src/protocol/index.js";
import { useVersionsWords } from "../words-versions.js";
import { Command } from "./command.js";

/** What happened to versions, by whom and why; the newest first. */
export function HistoryList({ history: { data, has_more } }: { history: WireHistory }) {
  const words = useVersionsWords();
  return (
    <section className="happened" aria-label={words.history}>
      <h2>{words.history}</h2>
      <ol>
        {data.map((entry) => (
          <li key={entry.seq}>
            <p>{words.happened(entry)}</p>
            {entry.reason !== undefined && <p lang="en">{entry.reason}</p>}
            <p className="aside">
              <time dateTime={entry.at}>{new Date(entry.at).toLocaleString(document.documentElement.lang)}</time> ·{" "}
              {entry.actor}
            </p>
          </li>
        ))}
      </ol>
      {has_more && <Command text={words.historyMore} command="ocellus rollout versions history" />}
    </section>
  );
}
