/**
 * A model seen through: its parts stacked from the picture down to the next token. A part's height is its share of the
 * parameters, its slats are its layers; opened, it lists its tensors.
 */
import type { DescribedPart, ModelDescription, WireModel } from "../../../src/protocol/index.js";
import { describeModel } from "../api.js";
import { bytesText, countText } from "../quantities.js";
import { useLoaded } from "../use-loaded.js";
import { useWords } from "../words.js";
import { ExaminationView } from "../xray/examination-view.js";
import { FlowView } from "../xray/flow-view.js";
import { ProblemView } from "./problem-view.js";

export function XrayView({ model }: { model: WireModel }) {
  const words = useWords();
  const { value: description, problem } = useLoaded(() => describeModel(model.id), model.id);
  if (problem) return <ProblemView problem={problem} />;
  if (!description) return <div className="xray-place" aria-busy="true" />;
  const { parts, num_parameters, num_tensors } = description;
  const storedBytes = parts.reduce((sum, part) => sum + part.stored.bytes, 0);
  const loadedBytes = parts.reduce((sum, part) => sum + part.loaded.bytes, 0);
  return (
    <section className="xray" aria-labelledby="xray">
      <h2 id="xray">{words.xrayTitle}</h2>
      <p className="aside">{words.xrayLead(countText(num_parameters), num_tensors, bytesText(loadedBytes))}</p>
      <div className="rooms">
        {parts.map((part) => (
          <Room key={part.part} part={part} share={part.num_parameters / Math.max(1, num_parameters)} />
        ))}
      </div>
      <p className="aside">{words.xrayNote}</p>
      <FlowView model={model.id} parts={parts} />
      <Answers answers={description.answers} />
      <Formats description={description} loaded={model.ocellus.weights} />
      <ExaminationView examined={{ kind: "model", id: model.id }} numBytes={storedBytes} />
    </section>
  );
}

/** More would be a grey field: the words say how many there are. */
const maxSlats = 96;

function Room({ part, share }: { part: DescribedPart; share: number }) {
  const words = useWords();
  const { num_layers: numLayers, stored, loaded } = part;
  return (
    <details className="room" style={{ "--share": share }}>
      <summary>
        <span className="room-name">{words.partNames[part.part]}</span>
        <span className="room-size">
          {countText(part.num_parameters)} · {(share * 100).toFixed(1)}%
        </span>
        <span className="slats" aria-hidden="true">
          {Array.from({ length: Math.min(numLayers, maxSlats) }, (_, i) => (
            <i key={i} />
          ))}
        </span>
        <span className="room-facts">
          {numLayers > 0 && `${words.layers(numLayers)} · `}
          {stored.dtypes.join(" + ")} {bytesText(stored.bytes)}
          {loaded.bytes > 0 && ` → ${loaded.dtypes.join(" + ")} ${bytesText(loaded.bytes)}`}
        </span>
      </summary>
      <Tensors part={part} />
    </details>
  );
}

function Tensors({ part }: { part: DescribedPart }) {
  const words = useWords();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="tensors" tabIndex={0} aria-label={words.tensors}>
      <table>
        <thead>
          <tr>
            <th scope="col">{words.tensors}</th>
            <th scope="col">{words.shape}</th>
            <th scope="col">{words.times}</th>
          </tr>
        </thead>
        <tbody>
          {part.tensors.map(({ name, shape, dtype, count }) => (
            <tr key={`${name} ${dtype} ${shape}`}>
              <td>{name}</td>
              <td>
                {shape.join(" × ")} {dtype}
              </td>
              <td>{count > 1 ? `×${count}` : ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Answers({ answers }: Pick<ModelDescription, "answers">) {
  const words = useWords();
  const name = (question: string) => (words.xrayQuestions as Readonly<Record<string, string>>)[question] ?? question;
  return (
    <dl className="list xray-answers">
      {answers.map(({ question, answer, tensor }) => (
        <div key={question}>
          <dt>{name(question)}</dt>
          <dd title={tensor}>{answer}</dd>
        </div>
      ))}
    </dl>
  );
}

function Formats({ description: { memory }, loaded }: { description: ModelDescription; loaded: string }) {
  const words = useWords();
  const most = Math.max(...memory.formats.map(({ bytes }) => bytes));
  const perThousand = memory.kv_bytes_per_thousand_tokens;
  return (
    <section className="formats" aria-labelledby="formats">
      <h2 id="formats">{words.formatsTitle}</h2>
      <ul className="alternatives">
        {memory.formats.map(({ weights, block_size, bytes }) => (
          <li
            key={`${weights} ${block_size}`}
            data-chosen={weights === loaded && block_size === 32}
            style={{ "--share": bytes / most }}
          >
            <span className="format-name">{/^int/.test(weights) ? `${weights} / ${block_size}` : weights}</span>
            <span className="bar" />
            <span className="share">{bytesText(bytes)}</span>
          </li>
        ))}
      </ul>
      {perThousand !== undefined && <p className="aside">{words.keysPerThousand(bytesText(perThousand))}</p>}
    </section>
  );
}
