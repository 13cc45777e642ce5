/** Where a verdict came from, as far as this browser's conversations know. */
import type { GuardState } from "../../../src/protocol/index.js";
import type { Conversation, Picture, Turn } from "../conversation.js";

export interface Origin {
  /** Of the conversation. */
  readonly id: string;
  /** What was written, where the verdict is about a text. */
  readonly text: string;
  /** That it may be about. */
  readonly pictures: readonly Picture[];
}

/** Longer texts are read in their conversation. */
const mostText = 300;

/** By the request that was refused, or by the pixels of a picture that an answer was given about. */
export function originOf(
  all: readonly Conversation[],
  { request, subject, sha256 }: Pick<GuardState["recent"][number], "request" | "subject" | "sha256">,
): Origin | undefined {
  for (const { id, turns } of all)
    for (const [place, turn] of turns.entries()) {
      if (turn.role !== "assistant") continue;
      if (turn.problem?.requestId === request) return refused(id, turns[place - 1], subject);
      const at = subject === "image" ? (turn.stats?.images ?? []).findIndex((each) => each.sha256 === sha256) : -1;
      const picture = picturesBefore(turns, place)[at];
      if (picture) return { id, text: "", pictures: [picture] };
    }
  return undefined;
}

function refused(id: string, question: Turn | undefined, subject: "text" | "image"): Origin | undefined {
  if (question?.role !== "user") return undefined;
  // It may have been about a page of the collection.
  if (subject === "image") return { id, text: "", pictures: question.source ? [] : question.pictures };
  return { id, text: question.text.slice(0, mostText), pictures: [] };
}

/** In the order of the prompt: pages of a collection stand before the last question. Undefined: one that is not kept here. */
function picturesBefore(turns: readonly Turn[], place: number): readonly (Picture | undefined)[] {
  const asked = turns.slice(0, place).map((turn) => (turn.role === "user" ? turn.pictures : []));
  const answer = turns[place];
  const pages = answer?.role === "assistant" ? (answer.cited?.pages ?? []) : [];
  if (asked.flat().some(({ video }) => video)) return []; // of a video each pair of frames counts
  return [...asked.slice(0, -1).flat(), ...pages.map(({ picture }) => picture), ...(asked.at(-1) ?? [])];
}
