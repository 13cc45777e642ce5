/** What the server answered to a call: its status, how long it took, and its body as it comes. */
import { useWords } from "../words.js";
import type { Called } from "./call.js";
import { useApiWords } from "./words.js";

export function Answered({ called: { status, ms, requestId, text, picture, isOpen } }: { called: Called }) {
  const words = useApiWords();
  const pageWords = useWords();
  return (
    <div className="answered" aria-busy={isOpen}>
      <p role="status">
        <strong data-good={status < 400}>{words.answered(status, `${(ms / 1000).toFixed(2)} s`)}</strong>{" "}
        {requestId && (
          <small>
            {pageWords.requestId} {requestId}
          </small>
        )}
      </p>
      {picture && <img src={picture} alt="" />}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      {text !== "" && <pre tabIndex={0}>{text}</pre>}
    </div>
  );
}
