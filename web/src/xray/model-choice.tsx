/** Which model or version is looked into, and what a version is compared with. */
import type { WireModel, WireVersion } from "../../../src/protocol/index.js";
import type { Examined } from "../api.js";
import { useWords } from "../words.js";
import { useXrayWords } from "./words.js";

export function nameOf(kind: Examined["kind"], id: string): string {
  return `${kind} ${id}`;
}

interface ModelChoiceProps {
  readonly models: readonly WireModel[];
  readonly versions: readonly WireVersion[];
  readonly chosen: string;
  readonly onChange: (chosen: string) => void;
}

export function ModelChoice({ models, versions, chosen, onChange }: ModelChoiceProps) {
  const { model } = useWords();
  const words = useXrayWords();
  const group = (kind: Examined["kind"], ids: readonly string[], label: string) =>
    ids.length > 0 && (
      <optgroup label={label}>
        {ids.map((id) => (
          <option key={id} value={nameOf(kind, id)}>
            {id}
          </option>
        ))}
      </optgroup>
    );
  return (
    <label>
      {model}
      <select value={chosen} onChange={(event) => onChange(event.target.value)}>
        {group(
          "model",
          models.map(({ id }) => id),
          words.loaded,
        )}
        {group(
          "version",
          versions.map(({ version }) => version),
          words.published,
        )}
      </select>
    </label>
  );
}

interface OtherChoiceProps {
  readonly versions: readonly WireVersion[];
  readonly beside: string;
  readonly chosen: string;
  readonly onChange: (chosen: string) => void;
}

export function OtherChoice({ versions, beside, chosen, onChange }: OtherChoiceProps) {
  const words = useXrayWords();
  return (
    <label>
      {words.compareWith}
      <select value={chosen} onChange={(event) => onChange(event.target.value)}>
        <option value="">{words.nothingElse}</option>
        {versions
          .filter(({ version }) => version !== beside)
          .map(({ version }) => (
            <option key={version}>{version}</option>
          ))}
      </select>
    </label>
  );
}
