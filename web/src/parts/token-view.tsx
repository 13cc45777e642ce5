/** The tokens of an answer, each with what else was likely at its place. */
import { useState } from "react";
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

export function TokenView({ logprobs }: { logprobs: readonly ContentLogprob[] }) {
  const words = useWords();
  const [chosen, setChosen] = useState(0);
  const token = logprobs[chosen];
  return (
    <div className="token-view">
      <p className="tokens">
        {logprobs.map((each, i) => (
          <button
            key={i}
            type="button"
            style={{ "--doubt": 1 - Math.exp(each.logprob) }}
            aria-pressed={i === chosen}
            aria-label={words.tokenProbability(each.token, percent(each.logprob))}
            onClick={() => setChosen(i)}
          >
            {visible(each.token)}
          </button>
        ))}
      </p>
      {token && <Alternatives token={token} />}
      <p className="aside">{words.probabilitiesNote}</p>
    </div>
  );
}

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
