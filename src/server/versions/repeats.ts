/** Whether a text ends in a loop: what a damaged or over-quantised model falls into. */

/** A period longer than this is a paragraph, not a loop. */
const maxPeriod = 80;
/** Said so often, and over so many characters, nothing is a list or a rhyme any more. */
const minTimes = 4;
const minLength = 24;

export function repeatsItself(text: string): boolean {
  for (let period = 1; period <= maxPeriod; period++) {
    const length = Math.max(minLength, period * minTimes);
    if (length > text.length) continue;
    const end = text.slice(-length);
    if (/\S/.test(end) && end.slice(period) === end.slice(0, -period)) return true;
  }
  return false;
}
