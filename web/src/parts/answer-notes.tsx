/** Below an answer: what to know about it, and how fast it came. */
import type { Answer } from "../conversation.js";
import { modelTitle, serverNameOf } from "../in-browser/names.js";
import { secondsText } from "../quantities.js";
import { useModels } from "../server-state.js";
import { useWords } from "../words.js";
import type { Words } from "../words-en.js";
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
  const { stats, tokensPerSecond, numTokens, usage, model, here, state } = answer;
  const known = useModels().find(({ id }) => id === model)?.ocellus;
  const context = here?.maxLength ?? known?.max_length;
  const parts = [
    state === "waiting" ? "" : whoOf(answer, known?.browser_bytes !== undefined, words),
    tokensPerSecond ? words.tokensPerSecond(tokensPerSecond.toFixed(tokensPerSecond < 10 ? 1 : 0)) : "",
    numTokens > 0 ? words.tokens(numTokens) : "",
    stats ? words.firstToken(secondsText(stats.timings.first_token_ms)) : "",
    usage && context ? words.contextUsed(usage.total_tokens, context) : "",
    stats?.images.some(({ cached }) => cached) ? words.knownPicture : "",
  ].filter((part) => part !== "");
  return <p className="facts">{parts.join(" · ")}</p>;
}

/** Where there is a choice, the place too. */
function whoOf({ model, answeredBy = model, here, stats }: Answer, hasCopy: boolean, words: Words): string {
  if (here) {
    const where = here.device === "cpu" ? words.wasmThreads(here.threads) : words.webGpu;
    return words.answeredHere(serverNameOf(answeredBy), where);
  }
  return hasCopy && stats
    ? words.answeredThere(answeredBy, stats.model_version.slice(0, 8))
    : modelTitle(answeredBy, words);
}
