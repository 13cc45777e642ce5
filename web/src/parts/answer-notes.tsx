/** Below an answer: what to know about it, and how fast it came. */
import type { Answer } from "../conversation.js";
import { secondsText } from "../quantities.js";
import { useModels } from "../server-state.js";
import { useWords } from "../words.js";
import { Command } from "./command.js";

/** What the model was not trained for, and the command that gets one that was. */
export function NotesView({ notes }: { notes: NonNullable<NonNullable<Answer["stats"]>["notes"]> }) {
  const words = useWords();
  return notes.map(({ kind, command }) => {
    const said = words.notes[kind];
    return command === undefined ? (
      <p key={kind} className="aside note">
        {said}
      </p>
    ) : (
      <div key={kind} className="note">
        <Command text={said} command={command} />
      </div>
    );
  });
}

export function StatsLine({ answer }: { answer: Answer }) {
  const words = useWords();
  const { stats, tokensPerSecond, numTokens, usage, model, answeredBy = model, state } = answer;
  const context = useModels().find(({ id }) => id === model)?.ocellus.max_length;
  const parts = [
    state === "waiting" ? "" : answeredBy,
    tokensPerSecond ? words.tokensPerSecond(tokensPerSecond.toFixed(tokensPerSecond < 10 ? 1 : 0)) : "",
    numTokens > 0 ? words.tokens(numTokens) : "",
    stats ? words.firstToken(secondsText(stats.timings.first_token_ms)) : "",
    usage && context ? words.contextUsed(usage.total_tokens, context) : "",
    stats?.images.some(({ cached }) => cached) ? words.knownPicture : "",
  ].filter((part) => part !== "");
  return <p className="facts">{parts.join(" · ")}</p>;
}
