/** The rows as a table of which only what is in sight exists: thousands stay quick. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import { answerColumn, columnsOf } from "./plan.js";
import { ReviewDialog } from "./review-dialog.js";
import { plainView, type Row, shownRows, type View } from "./row.js";
import { RowView } from "./row-view.js";
import type { TableState } from "./store.js";
import { ViewBar } from "./view-bar.js";
import { useTableWords } from "./words.js";

/** Of table.css. */
const rowPixels = 68;

export function TableView({ state: { plan, rows } }: { state: TableState }) {
  const words = useTableWords();
  const [view, setView] = useState<View>(plainView);
  const [reviewed, setReviewed] = useState<{ ids: readonly string[]; id: string; column: string }>();
  const shown = useMemo(() => shownRows(rows, view), [rows, view]);
  const columns = useMemo(() => columnsOf(plan), [plan]);
  const open = (id: string, column: string) => setReviewed({ ids: shown.map((row) => row.id), id, column });
  return (
    <>
      <ViewBar view={view} rows={rows} onChange={setView} />
      <Rows shown={shown} columns={columns} view={view} onView={setView} onOpen={open} />
      {shown.length === 0 && <p className="aside">{words.nothing}</p>}
      {reviewed && (
        <ReviewDialog
          key={reviewed.id}
          plan={plan}
          rows={rows}
          {...reviewed}
          onGo={(id) => setReviewed({ ...reviewed, id })}
          onClose={() => setReviewed(undefined)}
        />
      )}
    </>
  );
}

interface RowsProps {
  readonly shown: readonly Row[];
  readonly columns: readonly string[];
  readonly view: View;
  readonly onView: (view: View) => void;
  readonly onOpen: (id: string, column: string) => void;
}

function Rows({ shown, columns, view, onView, onOpen }: RowsProps) {
  const words = useTableWords();
  const scroller = useRef<HTMLElement>(null);
  const list = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowPixels,
    getItemKey: (i) => shown[i]!.id,
    overscan: 6,
  });
  const newest = useRef(onOpen);
  newest.current = onOpen;
  const opens = useMemo(() => (id: string, column: string) => newest.current(id, column), []); // rows are drawn again for news only
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section ref={scroller} className="grid-scroller" tabIndex={0} aria-label={words.title}>
      <table className="grid" aria-rowcount={shown.length + 1} style={{ "--columns": columns.length }}>
        <thead>
          <tr aria-rowindex={1}>
            <Head title={words.picture} view={view} sort={{ by: "name" }} onView={onView} />
            {columns.map((column) => (
              <Head
                key={column}
                title={column === answerColumn ? words.answer : column}
                view={view}
                sort={{ by: "column", column }}
                onView={onView}
              />
            ))}
            <Head title={words.sureness} view={view} sort={{ by: "sureness" }} onView={onView} />
          </tr>
        </thead>
        <tbody style={{ height: list.getTotalSize() }}>
          {list.getVirtualItems().map(({ key, index, start }) => (
            <RowView key={key} row={shown[index]!} place={index + 2} top={start} columns={columns} onOpen={opens} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface HeadProps {
  readonly title: string;
  readonly view: View;
  readonly sort: View["sort"];
  readonly onView: (view: View) => void;
}

/** A click sorts by the column, the next one the other way round, the third as the pictures came. */
function Head({ title, view, sort, onView }: HeadProps) {
  const isOwn = JSON.stringify(view.sort) === JSON.stringify(sort);
  const next = !isOwn
    ? { sort, isDown: false }
    : view.isDown
      ? { sort: plainView.sort, isDown: false }
      : { sort, isDown: true };
  return (
    <th scope="col" aria-sort={isOwn ? (view.isDown ? "descending" : "ascending") : "none"}>
      <button type="button" onClick={() => onView({ ...view, ...next })}>
        {title}
        <span aria-hidden="true">{isOwn ? (view.isDown ? " ↓" : " ↑") : ""}</span>
      </button>
    </th>
  );
}
