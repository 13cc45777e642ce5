/** The graph as blocks, from the picture to the next token, with the times of the last answer where there was one. */
import type { AnswerStats, DescribedPart } from "../../../src/protocol/index.js";
import { chats } from "../chats.js";
import { bytesText } from "../quantities.js";
import { useWords } from "../words.js";
import { useXrayWords } from "./words.js";
import "./xray.css";

interface FlowViewProps {
  readonly model: string;
  readonly parts: readonly DescribedPart[];
}

export function FlowView({ model, parts }: FlowViewProps) {
  const words = useXrayWords();
  const { partNames, layers } = useWords();
  const stats = lastStats(model);
  const used = parts.filter(({ part, loaded }) => part !== "other" && loaded.bytes > 0);
  return (
    <section className="flow" aria-labelledby="flow">
      <h2 id="flow">{words.flowTitle}</h2>
      <p className="aside">{stats ? words.flowNote : words.flowNone}</p>
      <ol>
        <li className="flow-end">{words.question}</li>
        {used.map(({ part, num_layers: numLayers, loaded }) => (
          <li key={part}>
            <strong>{partNames[part]}</strong>
            {numLayers > 0 && <span>{layers(numLayers)}</span>}
            <span>
              {loaded.dtypes[0]} {bytesText(loaded.bytes)}
            </span>
            {stats && <Times part={part} stats={stats} />}
          </li>
        ))}
        <li className="flow-end">{words.next}</li>
      </ol>
    </section>
  );
}

/** What of an answer's time was a part's. */
function Times({ part, stats: { timings, cache } }: { part: DescribedPart["part"]; stats: AnswerStats }) {
  const words = useXrayWords();
  if (part === "vision" && cache.vision !== "none")
    return <em>{cache.vision === "hit" ? words.visionKnown : words.ms(rounded(timings.vision_ms))}</em>;
  if (part !== "decoder") return null;
  return (
    <>
      <em>{words.toFirst(rounded(timings.first_token_ms))}</em>
      {timings.tokens_per_second > 0 && <em>{words.perToken(rounded(1000 / timings.tokens_per_second))}</em>}
    </>
  );
}

function rounded(ms: number): string {
  return String(ms < 10 ? Number(ms.toFixed(1)) : Math.round(ms));
}

function lastStats(model: string): AnswerStats | undefined {
  const answers = chats.all().flatMap(({ turns }) => turns.filter((turn) => turn.role === "assistant"));
  const own = answers.filter((answer) => answer.model === model && answer.stats);
  return own.sort((a, b) => b.askedMs - a.askedMs)[0]?.stats;
}
