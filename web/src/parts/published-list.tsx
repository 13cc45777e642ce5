/** The versions of the registry, the newest first, and what differs between two of them. */
import { useRef, useState } from "react";
import type { WireAdminState, WireVersion } from "../../../src/protocol/index.js";
import { bytesText } from "../quantities.js";
import { useVersionsWords } from "../words-versions.js";
import { DiffView } from "./diff-view.js";

interface Pair {
  readonly a: string;
  readonly b: string;
}

export function PublishedList({ state: { versions, aliases } }: { state: WireAdminState }) {
  const { diff: words } = useVersionsWords().rollout;
  const [pair, setPair] = useState<Pair>();
  const place = useRef<HTMLDivElement>(null);
  const newest = [...versions].reverse();
  const names = newest.map(({ version }) => version);
  const compare = (chosen: WireVersion) => {
    setPair({ a: otherThan(chosen, [chosen.parent, aliases[0]?.version, ...names], names), b: chosen.version });
    requestAnimationFrame(() => place.current?.scrollIntoView({ block: "nearest" }));
  };
  return (
    <section className="published" aria-label={words.published}>
      <h2>{words.published}</h2>
      <ul>
        {newest.map((version) => (
          <li key={version.version}>
            <Published version={version} />
            {versions.length > 1 && (
              <button type="button" className="action" onClick={() => compare(version)}>
                {words.compare}
                <span className="unseen"> {version.version}</span>
              </button>
            )}
          </li>
        ))}
      </ul>
      <div ref={place}>{pair && <Compared versions={newest} pair={pair} onChange={setPair} />}</div>
    </section>
  );
}

/** What a version is compared with first: its parent, what is served, or any other. */
function otherThan(
  { version }: WireVersion,
  wanted: readonly (string | undefined)[],
  names: readonly string[],
): string {
  return wanted.find((name) => name !== undefined && name !== version && names.includes(name))!;
}

function Published({ version: found }: { version: WireVersion }) {
  const { diff: words } = useVersionsWords().rollout;
  const { version, family, quantization, bytes, parent, notes, created_by, created_at } = found;
  const time = new Date(created_at).toLocaleDateString(document.documentElement.lang);
  const stats = [
    ...[family, quantization, bytesText(bytes)],
    ...(parent === undefined ? [] : [words.parent(parent)]),
    words.by(created_by, time),
    ...(found.is_loaded ? [words.loaded] : []),
    ...(found.is_signed ? [words.signed] : []),
  ];
  return (
    <div>
      <p>
        <b>{version}</b> {notes !== undefined && <span>{notes}</span>}
      </p>
      <p className="aside">{stats.join(" · ")}</p>
      {found.lineage && <Tuned lineage={found.lineage} />}
    </div>
  );
}

/** What a tuned version was made from, and how. */
function Tuned({ lineage: { base, data, recipe } }: { lineage: NonNullable<WireVersion["lineage"]> }) {
  const { diff: words } = useVersionsWords().rollout;
  const short = (digest: string) => digest.replace("sha256:", "").slice(0, 12);
  return (
    <details className="aside">
      <summary>{words.tuned(short(base), short(data))}</summary>
      <ul>
        {Object.entries(recipe).map(([name, value]) => (
          <li key={name}>
            <code>
              {name}: {typeof value === "string" ? value : JSON.stringify(value)}
            </code>
          </li>
        ))}
      </ul>
    </details>
  );
}

interface ComparedProps {
  readonly versions: readonly WireVersion[];
  readonly pair: Pair;
  readonly onChange: (pair: Pair) => void;
}

function Compared({ versions, pair, onChange }: ComparedProps) {
  const { diff: words } = useVersionsWords().rollout;
  const sizes = versions.filter(({ version }) => version === pair.a || version === pair.b);
  return (
    <section className="panel compared" aria-label={words.title}>
      <h3>{words.title}</h3>
      <div className="row pair">
        {(["a", "b"] as const).map((side) => (
          <label key={side} className="field">
            <span>{side === "a" ? words.from : words.to}</span>
            <select value={pair[side]} onChange={(event) => onChange({ ...pair, [side]: event.target.value })}>
              {versions.map(({ version }) => (
                <option key={version} disabled={version === pair[side === "a" ? "b" : "a"]}>
                  {version}
                </option>
              ))}
            </select>
          </label>
        ))}
      </div>
      <DiffView key={`${pair.a} ${pair.b}`} {...pair} numBytes={sizes.reduce((sum, { bytes }) => sum + bytes, 0)} />
    </section>
  );
}
