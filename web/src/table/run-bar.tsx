/** Asks about the rows and says how far it is; saves what there is. */
import { useState } from "react";
import { isInBrowser, serverNameOf } from "../in-browser/names.js";
import { ConfirmDialog } from "../parts/confirm-dialog.js";
import { ProblemView } from "../parts/problem-view.js";
import { usePreferences } from "../preferences.js";
import { useModelName } from "../server-state.js";
import { ExportMenu } from "./export-menu.js";
import { planProblem } from "./plan.js";
import { type RunState, type TableState, table } from "./store.js";
import { useTableWords } from "./words.js";

export function RunBar({ state }: { state: TableState }) {
  const words = useTableWords();
  const { rows, run } = state;
  const count = (wanted: string) => rows.filter((row) => row.state === wanted).length;
  const numEnded = count("done") + count("failed");
  const numToDo = rows.length - numEnded;
  return (
    <section className="run-bar" aria-label={words.progress(numEnded, rows.length)}>
      <div className="row">
        {state.isElsewhere ? (
          <span className="aside">{words.elsewhere}</span>
        ) : run.is === "idle" ? (
          <Begin state={state} numWaiting={count("waiting")} numFailed={count("failed")} />
        ) : (
          <Running isPausing={run.is === "pausing"} />
        )}
        <span className="run-text">
          {words.progress(numEnded, rows.length)}
          {run.is === "running" && <Left run={run} numToDo={numToDo} />}
        </span>
        <ExportMenu state={state} />
      </div>
      <progress value={numEnded} max={rows.length} aria-label={words.progress(numEnded, rows.length)} />
      <div role="status">{run.waitMs > 0 && <p className="aside">{words.waits(Math.ceil(run.waitMs / 1000))}</p>}</div>
      {run.problem && <ProblemView problem={run.problem} />}
    </section>
  );
}

function Begin({ state, numWaiting, numFailed }: { state: TableState; numWaiting: number; numFailed: number }) {
  const words = useTableWords();
  const model = useModelName();
  const { language, change } = usePreferences();
  const isHere = isInBrowser(model);
  const [isEmptying, setEmptying] = useState(false);
  const problem = planProblem(state.plan);
  const start = () => void table.start({ model, language });
  const again = (which: "failed" | "all") => {
    table.askAgain(which);
    start();
  };
  const isStill = problem !== undefined || model === "" || isHere;
  return (
    <>
      {numWaiting > 0 && (
        <button type="button" className="firm" disabled={isStill} onClick={start}>
          {words.start(numWaiting)}
        </button>
      )}
      {numFailed > 0 && (
        <button type="button" className="soft" disabled={isStill} onClick={() => again("failed")}>
          {words.retryFailed(numFailed)}
        </button>
      )}
      {numWaiting < state.rows.length && (
        <button type="button" className="soft" disabled={isStill} onClick={() => again("all")}>
          {words.askAll}
        </button>
      )}
      <button type="button" className="soft" onClick={() => setEmptying(true)}>
        {words.empty}
      </button>
      {isHere && (
        <p className="aside">
          {words.notHere}{" "}
          <button type="button" className="action" onClick={() => change({ model: serverNameOf(model) })}>
            {words.useServer(serverNameOf(model))}
          </button>
        </p>
      )}
      {problem && <span className="aside">{words.planProblems[problem]}</span>}
      {isEmptying && (
        <ConfirmDialog
          title={words.empty}
          text={words.emptyText}
          onConfirm={() => void table.clear()}
          onClose={() => setEmptying(false)}
        />
      )}
    </>
  );
}

function Running({ isPausing }: { isPausing: boolean }) {
  const words = useTableWords();
  return (
    <>
      <button type="button" className="firm" disabled={isPausing} onClick={() => table.pause()}>
        {isPausing ? words.pausing : words.pause}
      </button>
      <button type="button" className="soft" onClick={() => table.stop()}>
        {words.stopNow}
      </button>
    </>
  );
}

/** Said from the third row on: the first ones may find the model cold. */
function Left({ run, numToDo }: { run: RunState; numToDo: number }) {
  const words = useTableWords();
  if (run.numDone < 3) return null;
  const seconds = (((Date.now() - run.startedMs) / run.numDone) * numToDo) / 1000;
  const text = seconds < 90 ? words.seconds(Math.ceil(seconds)) : words.minutes(Math.ceil(seconds / 60));
  return <span className="aside"> · {words.left(text)}</span>;
}
