/** The collection that a question is asked of, in the composer: how many of its pages may go with it, and how it is taken away. */
import { listCollections } from "../api.js";
import { Icon } from "../icons.js";
import { kindOf } from "../problems.js";
import { useLoaded } from "../use-loaded.js";
import { pageCounts, type Source } from "./cited.js";
import { useCitingWords } from "./words.js";
import "./citing.css";

interface SourceChipProps {
  readonly source: Source;
  readonly onChange: (source: Source | undefined) => void;
}

export function SourceChip({ source, onChange }: SourceChipProps) {
  const own = useCitingWords();
  const { collection, pages } = source;
  const wrong = useWrong(collection);
  return (
    <fieldset className="source-chip" aria-describedby="source-bounds">
      <legend className="unseen">{own.source(collection)}</legend>
      <span className="source-name">{own.source(collection)}</span>
      <label>
        {own.upTo}
        <select value={pages} onChange={({ target }) => onChange({ collection, pages: Number(target.value) })}>
          {pageCounts.map((count) => (
            <option key={count}>{count}</option>
          ))}
        </select>
        {own.pages(pages)}
      </label>
      <button type="button" className="quiet" aria-label={own.remove(collection)} onClick={() => onChange(undefined)}>
        <Icon name="close" />
      </button>
      {wrong === undefined ? (
        <small id="source-bounds">{own.bounds}</small>
      ) : (
        <p className="wrong" role="alert">
          {wrong}
        </p>
      )}
    </fieldset>
  );
}

/** Said before the question is sent: a conversation may be older than its collection. */
function useWrong(collection: string): string | undefined {
  const own = useCitingWords();
  const { value, problem } = useLoaded(listCollections, collection);
  if (problem && kindOf(problem) === "no_collection") return own.none;
  return value?.some(({ name }) => name === collection) === false ? own.gone(collection) : undefined;
}
