/** One call: what it takes, what it answers, and a form that makes it. What is closed is not rendered. */
import { useState } from "react";
import { usePreferences } from "../preferences.js";
import type { Operation, Schemas } from "./document.js";
import { SchemaView } from "./schema-view.js";
import { summariesZh } from "./summaries-zh.js";
import { TryForm } from "./try-form.js";
import { useApiWords } from "./words.js";

interface OperationViewProps {
  readonly operation: Operation;
  readonly schemas: Schemas;
}

export function OperationView({ operation, schemas }: OperationViewProps) {
  const words = useApiWords();
  const [isOpen, setOpen] = useState(false);
  const { method, path, body, answers } = operation;
  return (
    <details className="operation" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <code className="method" data-method={method}>
          {method}
        </code>
        <code>{path}</code>
        <Summary operation={operation} />
      </summary>
      {isOpen && (
        <div className="operation-inside">
          <TryForm operation={operation} schemas={schemas} />
          {[...(body ? [{ ...body, title: words.request }] : []), ...answers.map(withTitle(words.answer))].map(
            ({ title, type, schema }) => (
              <section key={`${title} ${type}`}>
                <h3>
                  {title} <small>{type}</small>
                </h3>
                <SchemaView schema={schema} schemas={schemas} />
              </section>
            ),
          )}
        </div>
      )}
    </details>
  );
}

function withTitle(title: string) {
  return <T extends object>(shown: T) => ({ ...shown, title });
}

export function summaryOf({ id, summary }: Operation, language: string): string | undefined {
  return language === "zh" ? summariesZh[id] : summary;
}

function Summary({ operation }: { operation: Operation }) {
  const { language } = usePreferences();
  const own = summaryOf(operation, language);
  return <span className="summary">{own ?? <span lang="en">{operation.summary}</span>}</span>;
}
