/** How a trial goes from step to step: whether it first serves nobody, how long a step lasts, and who is asked before the next. */
import type { Pace } from "../intents.js";
import { type DurationUnit, durationUnits } from "../quantities.js";
import { useVersionsWords } from "../words-versions.js";

interface PaceFieldsProps {
  readonly pace: Pace;
  readonly usesAnalysis: boolean;
  readonly onChange: (pace: Pace) => void;
}

export function PaceFields({ pace, usesAnalysis, onChange }: PaceFieldsProps) {
  const { begin } = useVersionsWords().rollout;
  const change = (part: Partial<Pace>) => onChange({ ...pace, ...part });
  return (
    <>
      <label className="option">
        <input
          type="checkbox"
          checked={pace.isComparedFirst}
          onChange={(event) => change({ isComparedFirst: event.target.checked })}
        />
        <span>
          {begin.comparedFirst}
          <small>{begin.comparedNote}</small>
        </span>
      </label>
      {pace.isComparedFirst && usesAnalysis && (
        <NumberField label={begin.floor} value={pace.floor} min={1} max={99} onChange={(floor) => change({ floor })} />
      )}
      <div className="pair">
        <NumberField
          label={usesAnalysis ? begin.lastsAtLeast : begin.lasts}
          value={pace.every}
          min={1}
          max={1000}
          onChange={(every) => change({ every })}
        />
        <label className="field">
          <span>{begin.unit}</span>
          <select value={pace.unit} onChange={(event) => change({ unit: event.target.value as DurationUnit })}>
            {durationUnits.map((unit) => (
              <option key={unit} value={unit}>
                {begin.units[unit]}
              </option>
            ))}
          </select>
        </label>
      </div>
      {(usesAnalysis || pace.every !== "") && (
        <label className="field">
          <span>{begin.gate}</span>
          <input
            type="url"
            value={pace.gate}
            placeholder="https://metrics.example/rollout"
            autoComplete="off"
            onChange={(event) => change({ gate: event.target.value })}
          />
          <small>{begin.gateNote}</small>
        </label>
      )}
    </>
  );
}

interface NumberFieldProps {
  readonly label: string;
  /** As it was typed; empty: none. */
  readonly value: string;
  readonly min: number;
  readonly max: number;
  readonly onChange: (value: string) => void;
}

function NumberField({ label, value, min, max, onChange }: NumberFieldProps) {
  return (
    <label className="field">
      <span>{label}</span>
      <input
        type="number"
        value={value}
        min={min}
        max={max}
        step={1}
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  );
}
