/** Every value of a checkpoint: read when the reader says so, then shown as the inspect report shows it. */
import { lazy, Suspense } from "react";
import type { InspectData } from "../../../src/inspect/page/page-data.js";
import type { Examined } from "../api.js";
import { ProblemView } from "../parts/problem-view.js";
import { bytesText } from "../quantities.js";
import { useExamination } from "./use-examination.js";
import { useXrayWords } from "./words.js";
import "./xray.css";

const ReportMount = lazy(async () => ({ default: (await import("./report-mount.js")).ReportMount }));

interface ExaminationViewProps {
  readonly examined: Examined;
  /** Of the checkpoint, where it is known. */
  readonly numBytes?: number | undefined;
}

export function ExaminationView({ examined, numBytes }: ExaminationViewProps) {
  const words = useXrayWords();
  const { examination, problem, begin } = useExamination(examined);
  return (
    <section className="examination" aria-label={words.valuesTitle}>
      {problem && <ProblemView problem={problem} />}
      {examination?.state === "done" ? (
        <Suspense>
          <ReportMount data={examination.report as unknown as InspectData} />
        </Suspense>
      ) : (
        <>
          <h2>{words.valuesTitle}</h2>
          {examination?.state === "running" ? (
            <Progress done={examination.done_bytes ?? 0} all={examination.total_bytes ?? 0} />
          ) : (
            <>
              <p className="aside">
                {numBytes === undefined ? words.valuesNoteUnknown : words.valuesNote(bytesText(numBytes))}
              </p>
              {examination?.state === "failed" && (
                <p className="wrong" role="alert">
                  {examination.problem}
                </p>
              )}
              <button type="button" className="soft" disabled={!examination} onClick={begin}>
                {words.read}
              </button>
            </>
          )}
        </>
      )}
    </section>
  );
}

function Progress({ done, all }: { done: number; all: number }) {
  const words = useXrayWords();
  return (
    <label className="comparing" aria-live="polite">
      <progress value={done} max={Math.max(1, all)} />
      <span className="aside">{words.reading(bytesText(done), bytesText(all))}</span>
    </label>
  );
}
