/** What the guards stopped and why, a place to try them, what one more rule would have done, and the policy in force. */
import type { GuardState } from "../../../src/protocol/index.js";
import { readGuards } from "../api.js";
import { ReplayPanel } from "../guarding/replay-panel.js";
import { StoppedList } from "../guarding/stopped-list.js";
import { TryGuards } from "../guarding/try-guards.js";
import { ProblemView } from "../parts/problem-view.js";
import { Sheet } from "../parts/sheet.js";
import { useLoaded } from "../use-loaded.js";
import { useWords } from "../words.js";
import "../guarding/guarding.css";

export function GuardsPage() {
  const words = useWords();
  const { value: state, problem, reload } = useLoaded(readGuards);
  return (
    <Sheet>
      <h1>{words.guardsTitle}</h1>
      <p className="lead">{words.guardsLead}</p>
      {problem && <ProblemView problem={problem} />}
      {state?.guards.length === 0 && <p className="notice">{words.guardsNone}</p>}
      {state && state.guards.length > 0 && (
        <>
          <StoppedList recent={state.recent} />
          <TryGuards onTried={reload} />
          <ReplayPanel state={state} />
          <Policy state={state} />
        </>
      )}
    </Sheet>
  );
}

function Policy({ state: { policy, problem, guards, rules, on_failure } }: { state: GuardState }) {
  const words = useWords();
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
        <ol className="guard-rules">
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
