/** What differs between two versions: settings and tensors from their headers, and how far the values moved. */
import type { WireDiff } from "../../../src/protocol/index.js";
import { useDiff } from "../diff.js";
import { bytesText } from "../quantities.js";
import { useVersionsWords } from "../words-versions.js";
import { DiffSummary } from "./diff-summary.js";
import { More, Scrolled } from "./long-table.js";
import { MovedValues } from "./moved-values.js";
import { ProblemView } from "./problem-view.js";

interface DiffViewProps {
  readonly a: string;
  readonly b: string;
  /** Of both together. */
  readonly numBytes: number;
}

export function DiffView({ a, b, numBytes }: DiffViewProps) {
  const { diff: words } = useVersionsWords().rollout;
  const { diff, problem, compare } = useDiff(a, b);
  return (
    <>
      {problem && <ProblemView problem={problem} />}
      {!diff && !problem && <p className="aside">{words.reading}</p>}
      {diff && (
        <>
          <DiffSummary diff={diff} />
          <Values diff={diff} numBytes={numBytes} onCompare={compare} />
          <Headers diff={diff} />
        </>
      )}
    </>
  );
}

function Values({ diff, numBytes, onCompare }: { diff: WireDiff; numBytes: number; onCompare: () => void }) {
  const { diff: words } = useVersionsWords().rollout;
  const { values } = diff;
  switch (values.state) {
    case "done":
      return <MovedValues values={values} />;
    case "running":
      return (
        <label className="comparing" aria-live="polite">
          <progress value={values.done_bytes} max={Math.max(1, values.total_bytes)} />
          <span className="aside">{words.progress(bytesText(values.done_bytes), bytesText(values.total_bytes))}</span>
        </label>
      );
    case "failed":
    case "unread":
      return (
        <div className="row">
          <button type="button" className="soft" onClick={onCompare}>
            {words.readAll}
          </button>
          <span className="aside">{words.readNote(bytesText(numBytes))}</span>
          {values.state === "failed" && (
            <p className="wrong" role="alert">
              {words.failed} <span lang="en">{values.problem}</span>
            </p>
          )}
        </div>
      );
    default:
      return values satisfies never;
  }
}

function Headers({ diff }: { diff: WireDiff }) {
  const { diff: words } = useVersionsWords().rollout;
  const { added, removed, reshaped, retyped, respelled } = diff;
  const shape = (sizes: readonly number[]) => sizes.join(" × ");
  const lists = [
    listed(added, words.added, (t) => [t.name, `${shape(t.shape)} ${t.dtype}`]),
    listed(removed, words.removed, (t) => [t.name, `${shape(t.shape)} ${t.dtype}`]),
    listed(reshaped, words.reshaped, (t) => [t.name, `${shape(t.a)} → ${shape(t.b)}`]),
    listed(retyped, words.retyped, (t) => [t.name, `${t.a} → ${t.b}`]),
    listed(respelled, words.respelled, (t) => [t.a, `→ ${t.b}`]),
  ].filter(({ count }) => count > 0);
  if (lists.length === 0 && diff.configs.count === 0) return <p className="aside">{words.nothing}</p>;
  return (
    <>
      {diff.configs.count > 0 && <Configs configs={diff.configs} />}
      {lists.map(({ title, rows, count }) => (
        <details key={title} className="opens">
          <summary>{title}</summary>
          <Scrolled label={title}>
            <table>
              <tbody>
                {rows.map(([name, what]) => (
                  <tr key={name}>
                    <td>{name}</td>
                    <td>{what}</td>
                  </tr>
                ))}
              </tbody>
            </table>
            <More count={count - rows.length} />
          </Scrolled>
        </details>
      ))}
    </>
  );
}

function listed<T>(
  { count, data }: { readonly count: number; readonly data: readonly T[] },
  title: (count: number) => string,
  row: (item: T) => [name: string, what: string],
) {
  return { count, title: title(count), rows: data.map(row) };
}

function Configs({ configs: { count, data } }: Pick<WireDiff, "configs">) {
  const { diff: words } = useVersionsWords().rollout;
  return (
    <section className="configs" aria-label={words.configs}>
      <h4>{words.configs}</h4>
      <table className="rates">
        <thead>
          <tr>
            <th scope="col">{words.file}</th>
            <th scope="col">{words.value}</th>
          </tr>
        </thead>
        <tbody>
          {data.map(({ file, path, a, b }) => (
            <tr key={`${file} ${path}`}>
              <th scope="row">
                {path || words.whole} <small>{file}</small>
              </th>
              <td>
                <code>{a ?? "–"}</code> → <code>{b ?? "–"}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <More count={count - data.length} />
    </section>
  );
}
