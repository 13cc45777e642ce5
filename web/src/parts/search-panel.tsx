/** Drop a picture, see its neighbours with their scores; or look for words. */
import { type FormEvent, useEffect, useState } from "react";
import type { WireHit } from "../../../src/protocol/index.js";
import { searchCollection } from "../api.js";
import type { Picture, Problem } from "../conversation.js";
import { dataUrl } from "../pictures.js";
import { problemOf } from "../problems.js";
import { usePageFiles, usePictures } from "../use-pictures.js";
import { useWords } from "../words.js";
import { EntryView } from "./entry-view.js";
import { ExamplesRow } from "./examples-row.js";
import { ProblemView } from "./problem-view.js";

const numHits = 12;

export function SearchPanel({ collection }: { collection: string }) {
  const words = useWords();
  const draft = usePictures(1);
  const isOver = usePageFiles(draft.add);
  const [hits, setHits] = useState<readonly WireHit[]>();
  const [problem, setProblem] = useState<Problem>();
  const picture = draft.pictures[0];
  const find = async (query: () => Promise<object>) => {
    setProblem(undefined);
    try {
      setHits(await searchCollection(collection, { ...(await query()), top_k: numHits }));
    } catch (error) {
      setHits(undefined);
      setProblem(problemOf(error));
    }
  };
  useEffect(() => {
    if (picture) void find(() => byPicture(picture));
  }, [picture?.id]);
  const findWords = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget).get("words")).trim();
    if (text !== "") void find(async () => ({ text }));
  };
  return (
    <section className="panel" aria-label={words.find}>
      <h2>{words.find}</h2>
      <p className="aside">{words.findDrop}</p>
      {isOver && <p className="drop-here">{words.dropHere}</p>}
      <ExamplesRow draft={draft} names={["dress.jpg"]} />
      <form className="find" onSubmit={findWords}>
        <label className="field">
          {words.findWords}
          <input name="words" placeholder={words.matchExample} />
        </label>
        <button type="submit" className="firm">
          {words.findBy}
        </button>
      </form>
      {problem && <ProblemView problem={problem} />}
      {hits?.length === 0 && <p className="aside">{words.findNothing}</p>}
      <ol className="found entries" aria-label={words.findResults}>
        {hits?.map((hit) => (
          <li key={hit.id}>
            <EntryView collection={collection} entry={hit} score={hit.score} />
          </li>
        ))}
      </ol>
    </section>
  );
}

async function byPicture({ id, name }: Picture): Promise<object> {
  return { image_url: { url: await dataUrl(id, name) } };
}
