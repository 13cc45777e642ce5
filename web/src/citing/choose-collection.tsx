/** The collections of the server, to choose one as a source; nothing where it keeps none. */
import { listCollections } from "../api.js";
import { kindOf } from "../problems.js";
import { useLoaded } from "../use-loaded.js";
import { useWords } from "../words.js";
import { useCitingWords } from "./words.js";

export function ChooseCollection({ onChoose }: { onChoose: (collection: string) => void }) {
  const [words, own] = [useWords(), useCitingWords()];
  const { value = [], problem } = useLoaded(listCollections);
  const kind = problem && kindOf(problem);
  const isRefused = kind !== undefined && kind !== "no_collection";
  if (value.length === 0 && !isRefused) return null;
  return (
    <>
      <h3 className="sources-title">{own.title}</h3>
      {value.map(({ name }) => (
        <button key={name} type="button" onClick={() => onChoose(name)}>
          {name}
        </button>
      ))}
      {isRefused && <p className="wrong">{words.problems[kind]}</p>}
    </>
  );
}
