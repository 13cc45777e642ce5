/** The policy in force, what it has done lately, and a place to try it. */
import { type FormEvent, useState } from "react";
import type { GuardState, ModerationPart, ModerationResult } from "../../../src/protocol/index.js";
import { moderate, proposeAllowed, readGuards } from "../api.js";
import type { Problem } from "../conversation.js";
import { ExamplesRow } from "../parts/examples-row.js";
import { ProblemView } from "../parts/problem-view.js";
import { Sheet } from "../parts/sheet.js";
import { dataUrl } from "../pictures.js";
import { kindOf, problemOf } from "../problems.js";
import { useLoaded } from "../use-loaded.js";
import { usePictures } from "../use-pictures.js";
import { useWords } from "../words.js";

export function GuardsPage() {
  const words = useWords();
  const { value: state, problem, reload } = useLoaded(readGuards);
  return (
    <Sheet>
      <h1>{words.guardsTitle}</h1>
      <p className="lead">{words.guardsLead}</p>
      {problem && <ProblemView problem={problem} />}
      {state && <Policy state={state} />}
      <TryGuards onTried={reload} />
      {state && state.recent.length > 0 && <Recent recent={state.recent} />}
    </Sheet>
  );
}

function Policy({ state: { policy, problem, guards, rules, on_failure } }: { state: GuardState }) {
  const words = useWords();
  if (guards.length === 0) return <p className="notice">{words.guardsNone}</p>;
  return (
    <section className="panel">
      <h2>{words.guardsPolicy(policy)}</h2>
      {problem !== undefined && (
        <p className="notice">
          {words.guardsNotInForce} <span lang="en">{problem}</span>
        </p>
      )}
      <dl className="list">
        {guards.map(({ name, type, version, stages }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              {type} · {stages.map((stage) => words.guardStages[stage]).join(", ")} · {version}
            </dd>
          </div>
        ))}
      </dl>
      <p>{words.guardsOnFailure[on_failure]}</p>
      {rules.length > 0 && (
        <ol>
          {rules.map((rule, i) => (
            <li key={i}>
              <code>{JSON.stringify(rule)}</code>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function TryGuards({ onTried }: { onTried: () => void }) {
  const words = useWords();
  const [text, setText] = useState("");
  const draft = usePictures();
  const { pictures } = draft;
  const [result, setResult] = useState<ModerationResult>();
  const [problem, setProblem] = useState<Problem>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setProblem(undefined);
    try {
      const shown = pictures.map(async ({ id, name }): Promise<ModerationPart> => {
        return { type: "image_url", image_url: { url: await dataUrl(id, name) } };
      });
      const said: ModerationPart[] = text === "" ? [] : [{ type: "text", text }];
      setResult(await moderate([...said, ...(await Promise.all(shown))]));
      onTried();
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  return (
    <form className="panel" onSubmit={(event) => void submit(event)}>
      <h2>{words.guardsTry}</h2>
      <textarea
        aria-label={words.guardsSentence}
        value={text}
        onChange={(event) => setText(event.target.value)}
        rows={2}
      />
      <ExamplesRow draft={draft} label={words.guardsPicture} />
      <button type="submit" className="firm" disabled={(text === "" && pictures.length === 0) || draft.numReading > 0}>
        {words.guardsCheck}
      </button>
      {problem && <ProblemView problem={problem} />}
      {result && <Result result={result} text={text} />}
    </form>
  );
}

/** A few words around a hit say to a person what it was. */
const context = 30;

function Result({ result: { ocellus }, text }: { result: ModerationResult; text: string }) {
  const words = useWords();
  return (
    <div role="status">
      <p>
        <strong>{words.guardVerdicts[ocellus.verdict]}</strong>
      </p>
      <ul>
        {ocellus.findings.map(({ guard, category, score, action, reason, span }) => (
          <li key={`${guard} ${category} ${span?.start} ${reason}`}>
            {guard}: {category} {score.toFixed(2)} · {words.guardVerdicts[action]} · {reason}{" "}
            {span && (
              <FalsePositive
                guard={guard}
                category={category}
                text={text.slice(Math.max(0, span.start - context), span.end + context)}
              />
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

function FalsePositive(proposal: { guard: string; category?: string; text?: string; sha256?: string }) {
  const words = useWords();
  const [said, setSaid] = useState<string>();
  const propose = () =>
    proposeAllowed(proposal).then(
      () => setSaid(words.guardsProposed),
      (error: unknown) => setSaid(words.problems[kindOf(problemOf(error))]),
    );
  if (said !== undefined) return <span className="aside">{said}</span>;
  return (
    <button type="button" className="soft" onClick={() => void propose()}>
      {words.guardsFalse}
    </button>
  );
}

function Recent({ recent }: { recent: GuardState["recent"] }) {
  const words = useWords();
  return (
    <section className="panel">
      <h2>{words.guardsRecent}</h2>
      <ul>
        {recent
          .slice(0, 20)
          .map(({ time, request, guard, stage, subject, sha256, verdict, category, score, failed }) => (
            <li key={`${request} ${guard} ${stage} ${sha256}`}>
              {new Date(time).toLocaleTimeString(document.documentElement.lang)} {guard} · {words.guardStages[stage]} ·{" "}
              {words.guardSubjects[subject]} · {words.guardVerdicts[verdict]}
              {category !== undefined && ` · ${category} ${score?.toFixed(2) ?? ""}`}
              {failed !== undefined && ` · ${failed}`}{" "}
              {verdict !== "allow" && subject === "image" && (
                <FalsePositive guard={guard} sha256={sha256} {...(category !== undefined && { category })} />
              )}
            </li>
          ))}
      </ul>
    </section>
  );
}
