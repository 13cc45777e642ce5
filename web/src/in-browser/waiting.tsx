/** In the place of an answer that waits for its model to be opened. */
import { useWords } from "../words.js";
import { CancelButton, Progress } from "./browser-panel.js";
import { useHost } from "./host.js";

/** @param hasPanel the page shows the download elsewhere */
export function WaitingHere({ id, hasPanel }: { id: string; hasPanel: boolean }) {
  const words = useWords();
  const state = useHost(id);
  if (state.is !== "opening" || hasPanel) return <p className="looking">{words.writing}</p>;
  return (
    <div className="in-browser">
      <Progress state={state} />
      <CancelButton id={id} />
    </div>
  );
}
