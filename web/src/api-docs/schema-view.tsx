/** A schema as people read it: fields with their types, choices, bounds. */
import { maxDepth, resolved, type Schema, type Schemas } from "./document.js";
import { useApiWords } from "./words.js";

interface SchemaViewProps {
  readonly schema: Schema;
  readonly schemas: Schemas;
  readonly depth?: number;
}

export function SchemaView({ schema, schemas, depth = 0 }: SchemaViewProps) {
  const words = useApiWords();
  const own = resolved(schema, schemas);
  const choices = (own.anyOf ?? own.oneOf)?.filter(({ type }) => type !== "null");
  if (choices?.length === 1) return <SchemaView schema={choices[0]!} schemas={schemas} depth={depth} />;
  if (choices)
    return (
      <ul className="schema-choice">
        {choices.map((choice, i) => (
          <li key={i}>
            <SchemaView schema={choice} schemas={schemas} depth={depth} />
          </li>
        ))}
      </ul>
    );
  if (own.type === "array" && own.items)
    return (
      <>
        {words.listOf} <SchemaView schema={own.items} schemas={schemas} depth={depth} />
      </>
    );
  if (!own.properties || depth >= maxDepth) return <TypeName schema={own} />;
  const required = new Set(own.required);
  return (
    <dl className="schema">
      {Object.entries(own.properties).map(([name, value]) => (
        <div key={name}>
          <dt>
            <code>{name}</code> {!required.has(name) && <small>{words.optional}</small>}
          </dt>
          <dd>
            <SchemaView schema={value} schemas={schemas} depth={depth + 1} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Numbers beyond what JSON holds exactly are no bounds. */
function isBound(value: number | undefined): value is number {
  return value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER;
}

function TypeName({ schema: { type, format, const: constant, enum: values, minimum, maximum } }: { schema: Schema }) {
  const words = useApiWords();
  if (constant !== undefined) return <code>{JSON.stringify(constant)}</code>;
  if (values) return <code>{values.map((value) => JSON.stringify(value)).join(" · ")}</code>;
  const name = Array.isArray(type) ? type.join(` ${words.or} `) : (type as string | undefined);
  const range = [isBound(minimum) ? words.from(minimum) : "", isBound(maximum) ? words.to(maximum) : ""];
  return (
    <span className="type">
      {name ? <code>{name}</code> : words.anything}
      {format && (
        <>
          {" "}
          <code>{format}</code>
        </>
      )}{" "}
      {range.filter(Boolean).join(" ")}
    </span>
  );
}
