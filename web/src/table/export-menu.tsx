/** Saves the table as files. The packer of the golden set is loaded when one is saved. */
import { useState } from "react";
import { usePreferences } from "../preferences.js";
import { save } from "../save.js";
import { csvOf, goldenOf, jsonLinesOf } from "./export.js";
import { type TableState, table } from "./store.js";
import { useTableWords } from "./words.js";

export function ExportMenu({ state: { plan, rows } }: { state: TableState }) {
  const words = useTableWords();
  const { language } = usePreferences();
  const done = rows.filter(({ state }) => state === "done");
  const [isGoldenSaved, setGoldenSaved] = useState(false);
  const isEmpty = done.length === 0;
  const golden = async () => {
    const { downloadZip } = await import("client-zip");
    const { text, images } = goldenOf(plan, rows, language);
    const files = async function* () {
      yield { name: "golden/golden.jsonl", input: text };
      for (const [id, name] of images) {
        const input = await table.picture(id);
        if (input) yield { name: `golden/images/${name}`, input };
      }
    };
    save(await downloadZip(files()).blob(), "golden.zip");
    setGoldenSaved(true);
  };
  const numChecked = done.filter((row) => row.isChecked).length;
  return (
    <fieldset className="row exports" disabled={isEmpty} aria-label={words.exports}>
      <span className="aside">{words.exports}</span>
      <button
        type="button"
        className="action"
        onClick={() => save(new Blob([csvOf(plan, rows)], { type: "text/csv" }), "table.csv")}
      >
        {words.csv}
      </button>
      <button
        type="button"
        className="action"
        onClick={() => save(new Blob([jsonLinesOf(plan, rows)], { type: "application/jsonl" }), "table.jsonl")}
      >
        {words.jsonl}
      </button>
      <button type="button" className="action" onClick={() => void golden()}>
        {words.golden}
      </button>
      <span className="aside" role="status">
        {isGoldenSaved && words.goldenNote(numChecked, done.length)}
      </span>
    </fieldset>
  );
}
