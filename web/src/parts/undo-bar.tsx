/** For some seconds after a conversation was deleted: the way back. */
import { chats, useRemoved } from "../chats.js";
import { useWords } from "../words.js";

export function UndoBar() {
  const words = useWords();
  const removed = useRemoved();
  return (
    <div className="undo-bar" role="status">
      {removed && (
        <p>
          {words.deleted(removed.title)}{" "}
          <button type="button" className="soft" onClick={() => chats.bringBack()}>
            {words.undo}
          </button>
        </p>
      )}
    </div>
  );
}
