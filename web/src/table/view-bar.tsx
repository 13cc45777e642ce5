/** Which rows are shown. */
import { Tabs } from "../parts/tabs.js";
import { passes, plainView, type Row, type RowFilter, rowFilters, type View } from "./row.js";
import { useTableWords } from "./words.js";

interface ViewBarProps {
  readonly view: View;
  readonly rows: readonly Row[];
  readonly onChange: (view: View) => void;
}

export function ViewBar({ view, rows, onChange }: ViewBarProps) {
  const words = useTableWords();
  const count = (wanted: RowFilter) => rows.filter((row) => passes(row, wanted)).length;
  const titles = Object.fromEntries(
    rowFilters.map((filter) => [filter, `${words.filters[filter]} ${count(filter)}`]),
  ) as Record<RowFilter, string>;
  const isDoubtfulFirst = view.sort.by === "sureness" && !view.isDown;
  return (
    <div className="row view-bar">
      <Tabs
        label={words.filter}
        names={rowFilters}
        titles={titles}
        chosen={view.filter}
        onChoose={(filter) => onChange({ ...view, filter })}
      />
      <label className="check">
        <input
          type="checkbox"
          checked={isDoubtfulFirst}
          onChange={() =>
            onChange({ ...view, sort: isDoubtfulFirst ? plainView.sort : { by: "sureness" }, isDown: false })
          }
        />
        {words.doubtfulFirst}
      </label>
      <input
        type="search"
        aria-label={words.search}
        placeholder={words.search}
        value={view.search}
        onChange={(event) => onChange({ ...view, search: event.target.value })}
      />
    </div>
  );
}
