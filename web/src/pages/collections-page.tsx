/** The collections of the server: find pictures by a picture or by words, and see which are there twice. */
import { useState } from "react";
import { listCollections } from "../api.js";
import { Command } from "../parts/command.js";
import { DuplicatesPanel } from "../parts/duplicates-panel.js";
import { ProblemView } from "../parts/problem-view.js";
import { SearchPanel } from "../parts/search-panel.js";
import { Sheet } from "../parts/sheet.js";
import { kindOf } from "../problems.js";
import { useLoaded } from "../use-loaded.js";
import { useWords } from "../words.js";

export function CollectionsPage() {
  const words = useWords();
  const { value: collections, problem } = useLoaded(listCollections);
  const [chosen, setChosen] = useState<string>();
  const name = chosen ?? collections?.[0]?.name;
  return (
    <Sheet>
      <h1>{words.collectionsTitle}</h1>
      <p className="lead">{words.collectionsLead}</p>
      {problem &&
        (kindOf(problem) === "unsupported" ? (
          <Command text={words.collectionsMissing} command="ocellus serve --collections ./collections" />
        ) : (
          <ProblemView problem={problem} />
        ))}
      {collections?.length === 0 && (
        <Command text={words.collectionsEmpty} command="ocellus index add shop ./photos --collections ./collections" />
      )}
      {collections && name !== undefined && (
        <>
          <label className="field collection-choice">
            {words.collection}
            <select value={name} onChange={(event) => setChosen(event.target.value)}>
              {collections.map((each) => (
                <option key={each.name}>{each.name}</option>
              ))}
            </select>
          </label>
          <SearchPanel key={`search ${name}`} collection={name} />
          <DuplicatesPanel key={`duplicates ${name}`} collection={name} />
        </>
      )}
    </Sheet>
  );
}
