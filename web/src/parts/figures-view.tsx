/** What the answers of an alias's versions were like over time: charts side by side, and the same as a table. */
import { type ReactNode, useState } from "react";
import type { WireAlias, WireFigures, WireHistory, WireSeries } from "../../../src/protocol/index.js";
import { estimateText, type Mark, type MetricName, marksOf, pointAt, scales, useFigures } from "../figures.js";
import { useVersionsWords } from "../words-versions.js";
import { FiguresTable, type MeasuresProps } from "./figures-table.js";
import { LineChart, Stroke } from "./line-chart.js";
import { Tabs } from "./tabs.js";

interface FiguresViewProps {
  readonly alias: WireAlias;
  readonly history?: WireHistory | undefined;
}

const ranges = ["10", "60", "360", "1440"] as const;

export function FiguresView({ alias, history }: FiguresViewProps) {
  const words = useVersionsWords();
  const { figures: own } = words.rollout;
  const [range, setRange] = useState<(typeof ranges)[number]>("10");
  const figures = useFigures(alias.name, Number(range));
  if (!figures) return null;
  const marks = marksOf(figures, history, words.happened, own.back);
  const names = (Object.keys(scales) as MetricName[]).filter((name) =>
    figures.series.some(({ total }) => total[name] !== undefined),
  );
  return (
    <section className="over-time" aria-label={`${alias.name}: ${own.title}`}>
      <header className="row spread">
        <h3>{own.title}</h3>
        <Tabs label={own.range} names={ranges} chosen={range} titles={own.ranges} onChoose={setRange} />
      </header>
      {names.length === 0 ? (
        <p className="aside">{own.quiet}</p>
      ) : (
        <>
          <Legend figures={figures} />
          <Charts figures={figures} names={names} marks={marks} />
          <p className="aside">{own.note(stepText(figures.step_s, own.steps))}</p>
          <details className="opens">
            <summary>{own.table}</summary>
            <FiguresTable figures={figures} names={names} />
          </details>
        </>
      )}
    </section>
  );
}

function stepText(
  seconds: number,
  { s, min }: { readonly s: (count: number) => string; readonly min: (count: number) => string },
): string {
  return seconds < 60 ? s(seconds) : min(seconds / 60);
}

function Legend({ figures: { series } }: { figures: WireFigures }) {
  const { roles } = useVersionsWords().rollout.figures;
  return (
    <ul className="legend">
      {series.map(({ version, role }) => (
        <li key={version}>
          <Stroke role={role} />
          {version} <span>{roles[role]}</span>
        </li>
      ))}
    </ul>
  );
}

/** One pointer for all: what happened at the same moment stands on one line. */
function Charts({ figures, names, marks }: MeasuresProps & { marks: readonly Mark[] }) {
  const { metrics } = useVersionsWords().rollout.figures;
  const [pointer, setPointer] = useState<number>();
  return (
    <div className="charts">
      {names.map((name) => (
        <figure key={name} className="chart">
          <figcaption>
            <h4>{metrics[name]}</h4>
            <p className="estimates">
              {figures.series.map((series) => (
                <Estimate key={series.version} series={series} figures={figures} name={name} pointer={pointer} />
              ))}
            </p>
          </figcaption>
          <LineChart
            figures={figures}
            metric={name}
            label={describe(figures, name, metrics[name])}
            marks={marks}
            pointer={pointer}
            onPoint={setPointer}
          />
        </figure>
      ))}
    </div>
  );
}

/** What the lines show, for who does not see them. */
function describe({ series }: WireFigures, name: MetricName, title: string): string {
  const said = series.flatMap(({ version, total: { [name]: estimate } }) => {
    if (!estimate) return [];
    const { value, interval } = estimateText(estimate, scales[name]);
    return [`${version} ${value} (${interval})`];
  });
  return `${title}: ${said.join("; ")}`;
}

interface EstimateProps {
  readonly series: WireSeries;
  readonly figures: WireFigures;
  readonly name: MetricName;
  readonly pointer: number | undefined;
}

function Estimate({ series, figures, name, pointer }: EstimateProps): ReactNode {
  const measured = pointer === undefined ? series.total : pointAt(figures, series, pointer);
  const estimate = measured?.[name];
  if (!estimate && series.total[name] === undefined) return null;
  const { value, interval } = estimate ? estimateText(estimate, scales[name]) : { value: "–", interval: "" };
  return (
    <span>
      <Stroke role={series.role} />
      <b>{value}</b>
      <small>{interval}</small>
    </span>
  );
}
