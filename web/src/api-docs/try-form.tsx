/** Makes a call from the page: parameters, a body to begin from, and the answer as it comes. */
import { type FormEvent, useEffect, useRef, useState } from "react";
import type { Problem } from "../conversation.js";
import { Command } from "../parts/command.js";
import { ProblemView } from "../parts/problem-view.js";
import { usePreferences } from "../preferences.js";
import { problemOf } from "../problems.js";
import { useServerModelName } from "../server-state.js";
import { useWords } from "../words.js";
import { Answered } from "./answered.js";
import { type Call, type Called, curlOf, makeCall, pathOf } from "./call.js";
import { exampleBody, type Operation, resolved, type Schemas } from "./document.js";
import { useApiWords } from "./words.js";

interface TryFormProps {
  readonly operation: Operation;
  readonly schemas: Schemas;
}

export function TryForm({ operation, schemas }: TryFormProps) {
  const words = useApiWords();
  const pageWords = useWords();
  const { key, adminKey } = usePreferences();
  const model = useServerModelName();
  const [values, setValues] = useState<Readonly<Record<string, string>>>({});
  const [typed, setTyped] = useState<string>();
  const { called, problem, call, stop } = useCall();
  const form = useRef<HTMLFormElement>(null);
  const { body, parameters, method, path } = operation;
  const isJson = body?.type === "application/json";
  const json = typed ?? (isJson ? exampleBody(operation, schemas, model) : "");
  const isWrong = isJson && !isParsed(json);
  const made = (): Call => {
    const sent = isJson ? json : body && form.current ? new FormData(form.current) : undefined;
    return { method, path: pathOf(operation, values), ...(sent !== undefined && { body: sent }) };
  };
  const send = (event: FormEvent) => {
    event.preventDefault();
    void call(made());
  };
  return (
    <form ref={form} className="try-form" aria-label={words.tryIt} onSubmit={send}>
      <h3>{words.tryIt}</h3>
      {path.startsWith("/admin/") && <p className="aside">{words.adminKey}</p>}
      {parameters.map(({ name, required = false }) => (
        <label key={name} className="field">
          <code>{name}</code>
          <input
            value={values[name] ?? ""}
            required={required}
            onChange={(event) => setValues({ ...values, [name]: event.target.value })}
          />
        </label>
      ))}
      {isJson && (
        <label className="field">
          {words.body}
          <textarea
            className="mono"
            rows={Math.min(16, json.split("\n").length + 1)}
            spellCheck={false}
            value={json}
            aria-invalid={isWrong}
            onChange={(event) => setTyped(event.target.value)}
          />
        </label>
      )}
      {isWrong && <p className="wrong">{words.bodyWrong}</p>}
      {body && !isJson && <FormFields operation={operation} schemas={schemas} />}
      <div className="row">
        <button type="submit" className="firm" disabled={isWrong || called?.isOpen}>
          {words.send}
        </button>
        {called?.isOpen && (
          <button type="button" className="soft" onClick={stop}>
            {pageWords.stop}
          </button>
        )}
      </div>
      {problem && <ProblemView problem={problem} />}
      {called && <Answered called={called} />}
      {isJson || !body ? (
        <details className="opens">
          <summary>{words.asCurl}</summary>
          <Command command={curlOf(made(), (path.startsWith("/admin/") ? adminKey : key) !== "")} />
        </details>
      ) : null}
    </form>
  );
}

/** One call at a time; leaving the form ends it. */
function useCall() {
  const [called, setCalled] = useState<Called>();
  const [problem, setProblem] = useState<Problem>();
  const stopping = useRef<AbortController>(undefined);
  useEffect(() => () => stopping.current?.abort(), []);
  const call = async (made: Call) => {
    const own = new AbortController();
    stopping.current?.abort();
    stopping.current = own;
    setProblem(undefined);
    setCalled(undefined);
    try {
      await makeCall(made, setCalled, own.signal);
    } catch (error) {
      setCalled((old) => old && { ...old, isOpen: false });
      if (!own.signal.aborted) setProblem({ ...problemOf(error), code: "unreachable" });
    }
  };
  return { called, problem, call, stop: () => stopping.current?.abort() };
}

/** Of a form with files. */
function FormFields({ operation: { body }, schemas }: TryFormProps) {
  const { properties = {}, required = [] } = resolved(body!.schema, schemas);
  return Object.entries(properties).map(([name, schema]) => (
    <label key={name} className="field">
      <code>{name}</code>
      <input name={name} type={schema.format === "binary" ? "file" : "text"} required={required.includes(name)} />
    </label>
  ));
}

function isParsed(json: string): boolean {
  try {
    JSON.parse(json);
    return true;
  } catch {
    return false;
  }
}
