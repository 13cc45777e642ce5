/** Where the prompt of a decoder with states may be resumed, and which of these states are worth their memory. */
import type { Row } from "../engine/index.js";
import type { SequenceInputs } from "./sequence-inputs.js";

/**
 * The row in pieces that end where its prompt may be resumed: also where nothing is kept, so that what is computed does not depend
 * on that. [docs/decisions/0011-same-answer.md]
 */
export function cutAtPoints(row: Row<SequenceInputs>): Row<SequenceInputs>[] {
  const { position, tokens } = row;
  const ends = (row.payload.prefix?.points ?? []).map((point) => point - position);
  const inside = [...ends.filter((end) => end > 0 && end < tokens.length), tokens.length];
  return inside.map((end, i) => {
    const from = inside[i - 1] ?? 0;
    const isLast = end === tokens.length;
    return {
      ...row,
      tokens: tokens.slice(from, end),
      position: position + from,
      numLogits: isLast ? row.numLogits : 0,
    };
  });
}

/** The first point, which is the system's, and those before the end: a state has megabytes, and most chats continue at their end. */
const mostKept = 8;

export function isKept(points: readonly number[], end: number): boolean {
  const at = points.indexOf(end);
  return at === 0 || (at > 0 && at > points.length - mostKept);
}
