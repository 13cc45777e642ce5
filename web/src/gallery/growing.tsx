/** An answer of ten thousand tokens that grows by one whenever `grow` is called: how much work is one more? */
import { useEffect, useMemo, useState } from "react";
import { AnswerText } from "../parts/answer-text.js";
import { TokenView } from "../parts/token-view.js";
import { logprobsOf, talkTexts } from "./talk.js";

const numTokens = 10_000;
const mostGrown = 2000;

declare global {
  interface Window {
    grow: () => void;
  }
}

function useGrowing() {
  const all = useMemo(() => logprobsOf(talkTexts("en").markdown, numTokens + mostGrown), []);
  const [count, set] = useState(numTokens);
  useEffect(() => {
    window.grow = () => set((old) => old + 1);
  }, []);
  return all.slice(0, count);
}

export function GrowingTokens() {
  return <TokenView logprobs={useGrowing()} />;
}

export function GrowingText() {
  const text = useGrowing()
    .map(({ token }) => token)
    .join("");
  return <AnswerText text={text} isJson={false} isWhole={false} />;
}
