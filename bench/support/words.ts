/** Texts of so many tokens. Each word is one token of Qwen3's tokenizer, behind a space too. */
const words =
  `time year people way day man thing life world school state family group country problem hand part place case
week company system program question work number night point home water room area money story fact month right study book eye
job word business issue side kind head house service friend power hour game line end member law car city community name team`
    .split(/\s+/)
    .filter(Boolean);

/** Another text for each seed. */
export function wordsOf(count: number, seed: number): string {
  let state = (Math.imul(seed, 7919) + 1) >>> 0;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return words[(state >>> 8) % words.length]!;
  };
  return Array.from({ length: count }, next).join(" ");
}
