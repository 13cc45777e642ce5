import type { PictureDraft } from "../use-pictures.js";
import { useWords } from "../words.js";

/** Says that pictures are being decoded, which takes seconds for large ones. */
export function ReadingNote({ draft: { numReading } }: { draft: PictureDraft }) {
  const words = useWords();
  return (
    <p className="reading" role="status">
      {numReading > 0 && words.reading(numReading)}
    </p>
  );
}
