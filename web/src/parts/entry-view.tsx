/** An entry of a collection: its small copy, its name, and how alike it is. */
import { useEffect, useState } from "react";
import type { WireEntry } from "../../../src/protocol/index.js";
import { entryPicture } from "../api.js";
import { useWords } from "../words.js";

interface EntryViewProps {
  readonly collection: string;
  readonly entry: WireEntry;
  readonly score?: number;
}

export function EntryView({ collection, entry, score }: EntryViewProps) {
  const words = useWords();
  const url = useEntryUrl(collection, entry);
  const { source, page, metadata = {} } = entry;
  const name = source.split(/[/\\]/).at(-1) ?? source;
  const title = page === undefined ? name : words.pageOf(name, page);
  return (
    <figure className="entry" title={source}>
      {url ? <img src={url} alt={title} /> : <span className="blank" />}
      <figcaption>
        <span className="name">{title}</span>
        {Object.entries(metadata).map(([key, value]) => (
          <span key={key} className="label">
            {key} {String(value)}
          </span>
        ))}
        {score !== undefined && (
          <span>
            {words.similarity} {score.toFixed(3)}
          </span>
        )}
      </figcaption>
    </figure>
  );
}

/** By fetch, and not as an address of an image, which could carry no key. */
function useEntryUrl(collection: string, { id, pixels }: WireEntry): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    let made: string | undefined;
    let isOver = false;
    const show = (blob: Blob) => {
      if (isOver) return;
      made = URL.createObjectURL(blob);
      setUrl(made);
    };
    entryPicture(collection, { id, pixels }).then(show, () => {}); // removed meanwhile: its place stays empty
    return () => {
      isOver = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [collection, id, pixels]);
  return url;
}
