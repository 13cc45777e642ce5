/** One row: its picture, its cells coloured by how sure the model was. Each opens the row to be checked. */
import { memo } from "react";
import { percentText } from "../quantities.js";
import { useWords } from "../words.js";
import { answerColumn } from "./plan.js";
import { type Cell, cellText, doubtBelow, type Row, sureness } from "./row.js";
import { Thumbnail } from "./thumbnail.js";
import { useTableWords } from "./words.js";

interface RowViewProps {
  readonly row: Row;
  /** In the whole table, its head counted. */
  readonly place: number;
  readonly top: number;
  readonly columns: readonly string[];
  readonly onOpen: (id: string, column: string) => void;
}

export const RowView = memo(function RowView({ row, place, top, columns, onOpen }: RowViewProps) {
  const words = useTableWords();
  return (
    <tr
      aria-rowindex={place}
      data-state={row.state}
      data-checked={row.isChecked}
      style={{ transform: `translateY(${top}px)` }}
    >
      <td className="grid-picture">
        <button type="button" aria-label={words.review(row.name)} onClick={() => onOpen(row.id, columns[0] ?? "")}>
          <Thumbnail id={row.id} />
          <span>{row.name.slice(row.name.lastIndexOf("/") + 1)}</span>
        </button>
      </td>
      {columns.map((column) => (
        <td key={column}>
          <CellView column={column} cell={row.cells[column]} onOpen={() => onOpen(row.id, column)} />
        </td>
      ))}
      <td className="grid-state">
        <State row={row} />
      </td>
    </tr>
  );
});

function CellView({ column, cell, onOpen }: { column: string; cell: Cell | undefined; onOpen: () => void }) {
  const words = useTableWords();
  if (!cell) return null;
  const text = typeof cell.value === "boolean" ? (cell.value ? words.yes : words.no) : cellText(cell.value);
  const isDoubtful = !cell.isCorrected && (cell.probability ?? 1) < doubtBelow;
  const name = column === answerColumn ? words.answer : column;
  return (
    <button
      type="button"
      className="grid-value"
      data-doubtful={isDoubtful}
      data-corrected={cell.isCorrected}
      style={{ "--doubt": isDoubtful ? 1 - cell.probability! : 0 }}
      aria-label={words.value(name, text)}
      onClick={onOpen}
    >
      <span>{text}</span>
      {cell.isCorrected && <small>{words.corrected}</small>}
      {isDoubtful && <small>{percentText(Number(cell.probability!.toFixed(2)))}</small>}
    </button>
  );
}

function State({ row }: { row: Row }) {
  const words = useTableWords();
  const { problems } = useWords();
  if (row.state === "failed") {
    const known: Readonly<Record<string, string>> = { ...problems, ...words.problems };
    return (
      <span className="wrong" title={row.message}>
        {known[row.problem ?? ""] ?? row.problem}
      </span>
    );
  }
  if (row.state !== "done") return <span className="aside">{words.states[row.state]}</span>;
  if (row.isChecked) return <span className="checked">✓ {words.checked}</span>;
  const sure = sureness(row);
  return sure === undefined ? null : <span>{percentText(Number(sure.toFixed(2)))}</span>;
}
