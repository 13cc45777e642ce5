/** PDFs that were given with a question: their pages to choose from, or why there are none. */
import { lazy, Suspense } from "react";
import { isInBrowser } from "../in-browser/names.js";
import { useModelName } from "../server-state.js";
import { useWords } from "../words.js";

const PdfDialog = lazy(async () => ({ default: (await import("./pdf-dialog.js")).PdfDialog }));

interface PdfFilesProps {
  readonly pdfs: readonly File[];
  readonly onFiles: (files: Iterable<File>) => void;
  /** The first is done with. */
  readonly onClose: () => void;
}

export function PdfFiles({ pdfs, onFiles, onClose }: PdfFilesProps) {
  const words = useWords();
  const isHere = isInBrowser(useModelName());
  if (!pdfs[0]) return null;
  if (isHere)
    return (
      <p className="keys-hint wrong" role="alert">
        {words.pdfNotHere}
      </p>
    );
  return (
    <Suspense>
      <PdfDialog key={pdfs.length} file={pdfs[0]} onFiles={onFiles} onClose={onClose} />
    </Suspense>
  );
}
