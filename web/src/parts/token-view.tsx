/** The tokens of an answer, each with what else was likely at its place. */
import { type KeyboardEvent, memo, useState } from "react";
import type { ContentLogprob } from "../../../src/protocol/index.js";
import { useWords } from "../words.js";

export function percent(logprob: number): string {
  const value = Math.exp(logprob) * 100;
  if (value > 0 && value < 0.1) return "< 0.1%";
  return value > 99.9 && value < 99.995 ? "99.9%" : `${value.toFixed(1)}%`;
}

/** A special token (`<|im_end|>`, where the answer ended) is no text of the answer. */
export function visible(token: string): string {
  if (/^<\|[^|]+\|>$/.test(token)) return "■";
  return token.replaceAll("\n", "↵").replaceAll(" ", "\u00a0") || "∅";
}

/** Tokens that are rendered and laid out together: while an answer grows, only its last run changes. */
const runLength = 200;

/** Among thousands, one is a stop of the Tab key; the arrow keys walk. A run ends where a line does, or when it is long. */
function runsOf(logprobs: readonly ContentLogprob[]): number[] {
  const starts = [0];
  for (const [i, { token }] of logprobs.entries()) {
    const length = i + 1 - starts.at(-1)!;
    const isEnd = length >= runLength || (length >= runLength / 4 && token.endsWith("\n"));
    if (isEnd && i + 1 < logprobs.length) starts.push(i + 1);
  }
  return starts;
}

export function TokenView({ logprobs }: { logprobs: readonly ContentLogprob[] }) {
  const words = useWords();
  const [chosen, setChosen] = useState(0);
  const token = logprobs[chosen];
  const starts = runsOf(logprobs);
  const walk = (event: KeyboardEvent<HTMLElement>) => {
    const last = logprobs.length - 1;
    const places = { ArrowLeft: chosen - 1, ArrowRight: chosen + 1, Home: 0, End: last };
    const place = places[event.key as keyof typeof places];
    if (place === undefined) return;
    event.preventDefault();
    const next = Math.min(last, Math.max(0, place));
    setChosen(next);
    event.currentTarget.querySelectorAll("button")[next]?.focus();
  };
  return (
    <div className="token-view">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would be a form's */}
      <div className="tokens" role="group" aria-label={words.probabilities} onKeyDown={walk}>
        {starts.map((from, i) => {
          const to = starts[i + 1] ?? logprobs.length;
          const isHere = chosen >= from && chosen < to;
          return (
            <Run
              key={from}
              tokens={logprobs.slice(from, to)}
              chosen={isHere ? chosen - from : -1}
              from={from}
              onChoose={setChosen}
            />
          );
        })}
      </div>
      {token && <Alternatives token={token} />}
      <p className="aside">{words.probabilitiesNote}</p>
    </div>
  );
}

interface RunProps {
  readonly tokens: readonly ContentLogprob[];
  /** Place of its first token in the answer. */
  readonly from: number;
  /** Of this run, or -1. */
  readonly chosen: number;
  readonly onChoose: (place: number) => void;
}

const Run = memo(
  function Run({ tokens, from, chosen, onChoose }: RunProps) {
    const words = useWords();
    return (
      <p>
        {tokens.map((each, i) => (
          <button
            key={i}
            type="button"
            style={{ "--doubt": 1 - Math.exp(each.logprob) }}
            tabIndex={i === chosen ? 0 : -1}
            aria-pressed={i === chosen}
            aria-label={words.tokenProbability(each.token, percent(each.logprob))}
            onClick={() => onChoose(from + i)}
          >
            {visible(each.token)}
          </button>
        ))}
      </p>
    );
  },
  // An answer only grows: runs of the same first token and length are the same.
  (old, next) =>
    old.tokens[0] === next.tokens[0] && old.tokens.length === next.tokens.length && old.chosen === next.chosen,
);

function Alternatives({ token }: { token: ContentLogprob }) {
  const words = useWords();
  const all = token.top_logprobs.some(({ token: text }) => text === token.token)
    ? token.top_logprobs
    : [...token.top_logprobs, token];
  return (
    <ul className="alternatives" aria-label={words.alternatives}>
      {all.map(({ token: text, logprob }) => (
        <li key={text} data-chosen={text === token.token} style={{ "--share": Math.exp(logprob) }}>
          <span className="token-text">{visible(text)}</span>
          <span className="bar" />
          <span className="share">{percent(logprob)}</span>
        </li>
      ))}
    </ul>
  );
}
