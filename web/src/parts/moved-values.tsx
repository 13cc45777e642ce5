/** How far the values of two versions are from each other: part by part, a slat for each module, and the tensors that moved most. */
import type { WireDiffValues, WirePartChange } from "../../../src/protocol/index.js";
import { useWords } from "../words.js";
import { useVersionsWords } from "../words-versions.js";
import { More, Scrolled } from "./long-table.js";

type Done = Extract<WireDiffValues, { state: "done" }>;

export function MovedValues({ values: { parts, tensors } }: { values: Done }) {
  const { diff: words } = useVersionsWords().rollout;
  const most = Math.max(...parts.flatMap(({ modules }) => modules.data.map(({ relative }) => relative)));
  return (
    <>
      <div className="moved">
        {parts.map((part) => (
          <Part key={part.part} part={part} most={most} />
        ))}
      </div>
      {tensors.count > 0 && (
        <details className="opens">
          <summary>{words.tensors}</summary>
          <Scrolled label={words.tensors}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{words.tensor}</th>
                  <th scope="col">{words.relative}</th>
                  <th scope="col">{words.largest}</th>
                  <th scope="col">{words.shape}</th>
                </tr>
              </thead>
              <tbody>
                {tensors.data.map(({ name, relative, max_abs, shape, ...rest }) => (
                  <tr key={name}>
                    <td>{name}</td>
                    <td>{movedText(relative, rest)}</td>
                    <td>{Number(max_abs.toPrecision(2))}</td>
                    <td>{shape.join(" × ")}</td>
                  </tr>
                ))}
              </tbody>
            </table>
            <More count={tensors.count - tensors.data.length} />
          </Scrolled>
        </details>
      )}
    </>
  );
}

function Part({ part, most }: { part: WirePartChange; most: number }) {
  const { partNames } = useWords();
  const { diff: words } = useVersionsWords().rollout;
  const { modules, num_changed: numChanged, num_tensors: numTensors, relative, ...rest } = part;
  return (
    <details className="moved-part">
      <summary>
        <span className="moved-name">{partNames[part.part]}</span>
        <span className="moved-size">
          {words.moved(numChanged, numTensors)}
          {numChanged > 0 && ` · ${movedText(relative, rest)}`}
        </span>
        <span className="slats" aria-hidden="true">
          {modules.data.map(({ module, relative: moved }) => (
            <i
              key={module}
              title={`${module} ${relativeText(moved)}`}
              style={{ "--share": most === 0 ? 0 : moved / most }}
            />
          ))}
        </span>
      </summary>
      <Scrolled label={words.modules(modules.count)}>
        <table>
          <thead>
            <tr>
              <th scope="col">{words.module}</th>
              <th scope="col">{words.relative}</th>
            </tr>
          </thead>
          <tbody>
            {modules.data.map(({ module, relative: moved, ...counts }) => (
              <tr key={module}>
                <td>{module}</td>
                <td>{movedText(moved, counts)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <More count={modules.count - modules.data.length} />
      </Scrolled>
    </details>
  );
}

/** `relative` is of finite values only; what is not finite is counted, in A and in B. */
function movedText(relative: number, { not_finite_a: a, not_finite_b: b }: NotFiniteCounts): string {
  return a + b === 0 ? relativeText(relative) : `${relativeText(relative)} · NaN, ∞: ${a} → ${b}`;
}

type NotFiniteCounts = Pick<WirePartChange, "not_finite_a" | "not_finite_b">;

/** Also what is a thousandth of a percent. */
function relativeText(part: number): string {
  return `${Number((part * 100).toPrecision(2))}%`;
}
