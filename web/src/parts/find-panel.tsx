/** Pictures by likeness to a picture or to words: vectors from /v1/embeddings, compared here. */
import { type FormEvent, useState } from "react";
import { embed } from "../api.js";
import type { Picture, Problem } from "../conversation.js";
import { dataUrl } from "../pictures.js";
import { problemOf } from "../problems.js";
import { useModels } from "../server-state.js";
import { usePictures } from "../use-pictures.js";
import { useWords } from "../words.js";
import { Command } from "./command.js";
import { ExamplesRow } from "./examples-row.js";
import { PictureView } from "./picture-view.js";
import { ProblemView } from "./problem-view.js";

interface Found {
  readonly picture: Picture;
  readonly likeness: number;
}

const exampleNames = ["dress.jpg", "shirt.png", "boots.jpg", "sale.jpg", "pair.jpg", "window.png"];

export function FindPanel() {
  const words = useWords();
  const [model] = useModels("embedding");
  return (
    <section className="panel use" aria-label={words.find}>
      <header>
        <h2>{words.find}</h2>
        <p className="aside">{words.findNote}</p>
      </header>
      {model ? (
        <FindForm model={model.id} />
      ) : (
        <Command text={words.findMissing} command="ocellus serve --embedding-model path/to/clip" />
      )}
    </section>
  );
}

function FindForm({ model }: { model: string }) {
  const words = useWords();
  const shelf = usePictures();
  const wanted = usePictures(1);
  const [found, setFound] = useState<readonly Found[]>([]);
  const [problem, setProblem] = useState<Problem>();
  const find = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget).get("words")).trim();
    setProblem(undefined);
    try {
      setFound(await ranked(model, shelf.pictures, wanted.pictures[0] ?? text));
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  return (
    <form className="find" onSubmit={(event) => void find(event)}>
      <p className="label">{words.findPictures}</p>
      <ExamplesRow draft={shelf} names={exampleNames} />
      <label className="field">
        {words.findWords}
        <input name="words" placeholder={words.matchExample} />
      </label>
      <ExamplesRow draft={wanted} names={["dress.jpg"]} />
      <button
        type="submit"
        className="firm"
        disabled={shelf.pictures.length === 0 || shelf.numReading + wanted.numReading > 0}
      >
        {words.findBy}
      </button>
      {problem && <ProblemView problem={problem} />}
      <ol className="found">
        {found.map(({ picture, likeness }) => (
          <li key={picture.id}>
            <PictureView picture={picture} />
            <span>
              {words.similarity} {likeness.toFixed(3)}
            </span>
          </li>
        ))}
      </ol>
    </form>
  );
}

/** Vectors have length one: their dot product is the cosine. */
async function ranked(model: string, pictures: readonly Picture[], wanted: Picture | string): Promise<Found[]> {
  const part = async ({ id, name }: Picture) => ({ type: "image_url", image_url: { url: await dataUrl(id, name) } });
  const first = typeof wanted === "string" ? wanted : await part(wanted);
  const [query, ...vectors] = await embed(model, [first, ...(await Promise.all(pictures.map(part)))]);
  return pictures
    .map((picture, i) => ({ picture, likeness: vectors[i]!.reduce((sum, value, j) => sum + value * query![j]!, 0) }))
    .sort((a, b) => b.likeness - a.likeness);
}
