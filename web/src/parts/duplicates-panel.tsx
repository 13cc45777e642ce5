/** Which pictures of a catalogue are there twice: the same pixels, or so alike that a person should look. */
import { useState } from "react";
import type { WireDuplicates } from "../../../src/protocol/index.js";
import { findDuplicates } from "../api.js";
import type { Problem } from "../conversation.js";
import { problemOf } from "../problems.js";
import { useWords } from "../words.js";
import { EntryView } from "./entry-view.js";
import { ProblemView } from "./problem-view.js";

/** More groups than these are not looked at one by one. */
const mostShown = 100;

export function DuplicatesPanel({ collection }: { collection: string }) {
  const words = useWords();
  const [groups, setGroups] = useState<WireDuplicates>();
  const [likeness, setLikeness] = useState("1");
  const [problem, setProblem] = useState<Problem>();
  const [isBusy, setBusy] = useState(false);
  const find = async () => {
    setProblem(undefined);
    setBusy(true);
    try {
      setGroups(await findDuplicates(collection, likeness === "1" ? undefined : Number(likeness)));
    } catch (error) {
      setProblem(problemOf(error));
    }
    setBusy(false);
  };
  return (
    <section className="panel" aria-label={words.duplicates}>
      <h2>{words.duplicates}</h2>
      <p className="aside">{words.duplicatesNote}</p>
      <div className="row">
        <label className="field">
          {words.duplicatesFrom}
          <select value={likeness} onChange={(event) => setLikeness(event.target.value)}>
            <option value="1">{words.duplicatesSame}</option>
            {["0.99", "0.97", "0.95", "0.9"].map((value) => (
              <option key={value} value={value}>
                {words.similarity} ≥ {value}
              </option>
            ))}
          </select>
        </label>
        <button type="button" className="firm" disabled={isBusy} onClick={() => void find()}>
          {words.findBy}
        </button>
      </div>
      {problem && <ProblemView problem={problem} />}
      {groups && <p aria-live="polite">{words.duplicatesFound(groups.length)}</p>}
      {groups?.slice(0, mostShown).map(({ by, score, entries }) => (
        <section key={entries.map(({ id }) => id).join()} className="sent">
          <p className="aside">{by === "pixels" ? words.duplicatesSame : `${words.similarity} ${score.toFixed(3)}`}</p>
          <ul className="found entries">
            {entries.map((entry) => (
              <li key={entry.id}>
                <EntryView collection={collection} entry={entry} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </section>
  );
}
