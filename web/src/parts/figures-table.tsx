/** Figures over time as a table: what the charts show, in numbers. */
import type { WireFigures } from "../../../src/protocol/index.js";
import { estimateText, type MetricName, scales } from "../figures.js";
import { useVersionsWords } from "../words-versions.js";

export interface MeasuresProps {
  readonly figures: WireFigures;
  readonly names: readonly MetricName[];
}

export function FiguresTable({ figures: { series }, names }: MeasuresProps) {
  const { metric, metrics, of } = useVersionsWords().rollout.figures;
  return (
    <table className="rates">
      <thead>
        <tr>
          <th scope="col">{metric}</th>
          {series.map(({ version }) => (
            <th key={version} scope="col">
              {version}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {names.map((name) => (
          <tr key={name}>
            <th scope="row">{metrics[name]}</th>
            {series.map(({ version, total: { [name]: estimate } }) => {
              if (!estimate) return <td key={version}>–</td>;
              const { value, interval } = estimateText(estimate, scales[name]);
              return <td key={version}>{of(`${value} (${interval})`, estimate.count)}</td>;
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
