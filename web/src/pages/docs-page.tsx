/** The room of the API: every call of the server in groups, searched by words, each described and to be tried. */
import { useState } from "react";
import { readApiDocument } from "../api.js";
import { groupNames, groupOf, type Operation, operationsOf } from "../api-docs/document.js";
import { OperationView, summaryOf } from "../api-docs/operation-view.js";
import { useApiWords } from "../api-docs/words.js";
import { ProblemView } from "../parts/problem-view.js";
import { Sheet } from "../parts/sheet.js";
import { usePreferences } from "../preferences.js";
import { useLoaded } from "../use-loaded.js";
import "../style/docs.css";

export function DocsPage() {
  const words = useApiWords();
  const { language } = usePreferences();
  const { value: document, problem } = useLoaded(readApiDocument);
  const [wanted, setWanted] = useState("");
  const isWanted = (operation: Operation) => {
    const text = `${operation.path} ${operation.summary} ${summaryOf(operation, language)}`.toLowerCase();
    return wanted
      .toLowerCase()
      .split(/\s+/)
      .every((word) => text.includes(word));
  };
  const found = document ? operationsOf(document).filter(isWanted) : [];
  return (
    <Sheet>
      <h1>{words.title}</h1>
      <p className="lead">{words.lead}</p>
      <p className="aside docs-programs">
        {words.programs}{" "}
        <a href="openapi.json" lang="en">
          openapi.json
        </a>
      </p>
      {problem && <ProblemView problem={problem} />}
      {document && (
        <>
          <label className="field docs-search">
            {words.search}
            <input type="search" value={wanted} onChange={(event) => setWanted(event.target.value)} />
          </label>
          {found.length === 0 && <p className="aside">{words.nothing}</p>}
          {groupNames.map((name) => {
            const operations = found.filter((operation) => groupOf(operation) === name);
            if (operations.length === 0) return null;
            return (
              <section key={name} className="operations" aria-labelledby={`docs-${name}`}>
                <h2 id={`docs-${name}`}>{words.groups[name]}</h2>
                {operations.map((operation) => (
                  <OperationView key={operation.id} operation={operation} schemas={document.components.schemas} />
                ))}
              </section>
            );
          })}
        </>
      )}
    </Sheet>
  );
}
