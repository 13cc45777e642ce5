/** What the server is doing, as figures with a short past. */
import type { ReactNode } from "react";
import { type Reading, tokensPerSecond, useReadings } from "../load.js";
import { Sheet } from "../parts/sheet.js";
import { Sparkline } from "../parts/sparkline.js";
import { bytesText, secondsText } from "../quantities.js";
import { useWords } from "../words.js";

export function MonitorPage() {
  const words = useWords();
  const readings = useReadings();
  return (
    <Sheet>
      <h1>{words.monitorTitle}</h1>
      <p className="lead">{words.monitorLead}</p>
      {readings === "missing" ? <p className="notice">{words.monitorMissing}</p> : <Figures readings={readings} />}
    </Sheet>
  );
}

function Figures({ readings }: { readings: readonly Reading[] }) {
  const words = useWords();
  const last = readings.at(-1);
  if (!last) return null;
  const speeds = readings.map((_, i) => tokensPerSecond(readings.slice(0, i + 1)));
  return (
    <>
      <div className="figures">
        <Figure name={words.running} value={String(last.running)} note={words.ofSlots(last.slots)}>
          <Sparkline values={readings.map(({ running }) => running)} atLeast={last.slots} />
        </Figure>
        <Figure name={words.waiting} value={String(last.waiting)}>
          <Sparkline values={readings.map(({ waiting }) => waiting)} atLeast={1} />
        </Figure>
        <Figure name={words.speed} value={speeds.at(-1)!.toFixed(1)} note={words.overWindow}>
          <Sparkline values={speeds} atLeast={1} />
        </Figure>
        <Figure name={words.answered} value={String(last.requests)} note={words.refused(last.refused)} />
        <Figure
          name={words.cacheHits}
          value={last.pictures === 0 ? "–" : `${Math.round((100 * last.knownPictures) / last.pictures)}%`}
          note={words.ofPictures(last.pictures)}
        />
        <Figure
          name={words.firstTokenTime}
          value={last.firstTokenMs === undefined ? "–" : secondsText(last.firstTokenMs)}
          note={words.median}
        />
      </div>
      <Memory reading={last} />
    </>
  );
}

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly note?: string;
  readonly children?: ReactNode;
}

function Figure({ name, value, note, children }: FigureProps) {
  return (
    <section className="figure" aria-label={name}>
      <h2>{name}</h2>
      <p className="value">{value}</p>
      <p className="aside">{note}</p>
      {children}
    </section>
  );
}

function Memory({ reading }: { reading: Reading }) {
  const words = useWords();
  const parts = [
    [words.memoryParts.process, reading.processBytes],
    [words.memoryParts.keys, reading.keyBytes],
    [words.memoryParts.features, reading.encoderCacheBytes],
    [words.memoryParts.files, reading.fileBytes],
  ] as const;
  return (
    <section className="memory">
      <h2>{words.memory}</h2>
      <dl className="list">
        {parts.map(([name, bytes]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{bytesText(bytes)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
