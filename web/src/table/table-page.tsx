/** The table room: a folder of pictures, what to ask of each, and the rows as they fill. */
import { type ReactNode, useState } from "react";
import { examples } from "../examples.js";
import { Sheet } from "../parts/sheet.js";
import { usePreferences } from "../preferences.js";
import { usePageFiles } from "../use-pictures.js";
import { chosenFiles, droppedFiles } from "./files.js";
import { PickFiles } from "./pick-files.js";
import { PlanPanel } from "./plan-panel.js";
import { RunBar } from "./run-bar.js";
import { table, useTable } from "./store.js";
import { TableView } from "./table-view.js";
import { useTableWords } from "./words.js";
import "./table.css";

export function TablePage() {
  const words = useTableWords();
  const state = useTable();
  const isOver = usePageFiles(
    (files) => void table.add(chosenFiles(files)),
    (data) => void droppedFiles(data).then((files) => table.add(files)),
  );
  if (!state.isLoaded) return <Sheet>{null}</Sheet>;
  const notes = (
    <>
      {state.numLeftOut > 0 && <p className="aside">{words.leftOut(state.numLeftOut)}</p>}
      {state.isUnkept && <p className="wrong">{words.unkept}</p>}
    </>
  );
  if (state.rows.length === 0) return <FirstFiles isOver={isOver} notes={notes} />;
  return (
    <Sheet>
      <div className="table-room" data-over={isOver}>
        <header className="row spread">
          <h1>{words.title}</h1>
          <PickFiles label={words.addMore} isFolder={false} />
        </header>
        {notes}
        <PlanPanel
          plan={state.plan}
          isLocked={state.run.is !== "idle" || state.isElsewhere}
          onChange={(change) => table.changePlan(change)}
        />
        <RunBar state={state} />
        <TableView state={state} />
      </div>
    </Sheet>
  );
}

function FirstFiles({ isOver, notes }: { isOver: boolean; notes: ReactNode }) {
  const words = useTableWords();
  const { language } = usePreferences();
  const [isBusy, setBusy] = useState(false);
  const show = async () => {
    setBusy(true);
    const pictures = examples(language).flatMap((example) => example.pictures);
    const files = pictures.map(async ({ url, name }) => {
      const blob = await (await fetch(url)).blob();
      return { name, file: new File([blob], name, { type: blob.type }) };
    });
    await table.add(await Promise.all(files));
    table.changePlan(() => ({ mode: "question", question: words.questionExample, fields: [] }));
  };
  return (
    <Sheet>
      <h1>{words.title}</h1>
      <p className="lead">{words.lead}</p>
      <section className="drop-place" data-over={isOver}>
        <h2>{words.dropTitle}</h2>
        <div className="row">
          <PickFiles label={words.chooseFolder} isFolder isFirm />
          <PickFiles label={words.choosePictures} isFolder={false} />
          <button type="button" className="soft" disabled={isBusy} onClick={() => void show()}>
            {words.useExamples}
          </button>
        </div>
        <p className="aside">{words.dropNote}</p>
        {notes}
      </section>
    </Sheet>
  );
}
