/** What went wrong in the reader's words; what the server itself said of it, in English, is behind "Details". */
import type { Problem } from "../conversation.js";
import { usePreferences } from "../preferences.js";
import { kindOf } from "../problems.js";
import { useWords } from "../words.js";

export function ProblemView({ problem }: { problem: Problem }) {
  const words = useWords();
  const { language } = usePreferences();
  const { message, status, requestId } = problem;
  const kind = kindOf(problem);
  // What the page itself has found says no more than its words.
  const hasDetails = status > 0 || kind === "page" || kind === "failed_here" || kind === "no_room_here";
  return (
    <div className="problem" role="alert">
      <strong>{words.problems[kind]}</strong>
      {hasDetails && (
        <details open={language === "en"}>
          <summary>{words.details}</summary>
          <p lang="en">{message}</p>
          {requestId && (
            <small>
              {words.requestId} {requestId}
            </small>
          )}
        </details>
      )}
    </div>
  );
}
