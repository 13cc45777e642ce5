/** What one more rule would have done to the last days, as far as the audit log can say. */
import { type FormEvent, type ReactNode, useState } from "react";
import type { GuardState, WireGuardReplay } from "../../../src/protocol/index.js";
import { type GuardRule, replayGuards } from "../api.js";
import type { Problem } from "../conversation.js";
import { ProblemView } from "../parts/problem-view.js";
import { problemOf } from "../problems.js";
import { percentText } from "../quantities.js";
import { useWords } from "../words.js";
import { useGuardWords } from "./words.js";

const actions = ["block", "redact", "flag", "allow"] as const;

export function ReplayPanel({ state }: { state: GuardState }) {
  const words = useGuardWords();
  const { guardStages } = useWords();
  const [found, setFound] = useState<WireGuardReplay>();
  const [problem, setProblem] = useState<Problem>();
  const [isBusy, setBusy] = useState(false);
  const categories = [...new Set(state.recent.flatMap(({ category }) => category ?? []))];
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setProblem(undefined);
    try {
      setFound(await replayGuards(ruleOf(form), Number(form.get("days"))));
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form className="panel" onSubmit={(event) => void submit(event)}>
      <h2>{words.replayTitle}</h2>
      <p className="aside">{words.replayLead}</p>
      <div className="replay-rule">
        <Choice label={words.guard} name="guard">
          <option value="">{words.any}</option>
          {state.guards.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </Choice>
        <label>
          {words.category}
          <input name="category" list="guard-categories" placeholder={words.any} maxLength={81} />
          <datalist id="guard-categories">
            {categories.map((category) => (
              <option key={category} value={category} />
            ))}
          </datalist>
        </label>
        <Choice label={words.stage} name="stage">
          <option value="">{words.any}</option>
          <option value="input">{guardStages.input}</option>
          <option value="output">{guardStages.output}</option>
        </Choice>
        <label>
          {words.threshold}
          <input name="threshold" type="number" min={0} max={1} step={0.05} defaultValue={0.5} required />
        </label>
        <Choice label={words.action} name="action">
          {actions.map((action) => (
            <option key={action} value={action}>
              {words.actions[action]}
            </option>
          ))}
        </Choice>
        <label>
          {words.days}
          <input name="days" type="number" min={1} max={31} defaultValue={7} required />
        </label>
      </div>
      <button type="submit" className="firm" disabled={isBusy}>
        {isBusy ? words.looking : words.ask}
      </button>
      {problem?.status === 401 ? (
        <p className="notice">{words.adminNeeded}</p>
      ) : (
        problem && <ProblemView problem={problem} />
      )}
      {found && <Replayed found={found} />}
    </form>
  );
}

function Choice({ label, name, children }: { label: string; name: string; children: ReactNode }) {
  return (
    <label>
      {label}
      <select name={name}>{children}</select>
    </label>
  );
}

/** Empty fields concern everything. */
function ruleOf(form: FormData): GuardRule {
  const given = ["guard", "category", "stage", "action"].map((name) => [name, String(form.get(name)).trim()] as const);
  const named = Object.fromEntries(given.filter(([, value]) => value !== ""));
  return { ...named, threshold: Number(form.get("threshold")) } as GuardRule;
}

function Replayed({ found }: { found: WireGuardReplay }) {
  const words = useGuardWords();
  const { guardStages, guardSubjects } = useWords();
  return (
    <div className="tried" role="status">
      <p>{words.replayed(found.num_lines, found.num_checks, found.num_reached)}</p>
      {found.changes.length === 0 && <p>{words.unchanged}</p>}
      <ul>
        {found.changes.map(({ before, after, count }) => (
          <li key={`${before} ${after}`}>
            <strong>{words.change(count, before, after)}</strong>
          </li>
        ))}
      </ul>
      {found.examples.length > 0 && (
        <details className="opens">
          <summary>{words.newest}</summary>
          <ul className="replayed">
            {found.examples.map(({ time, request, guard, stage, kind, category, score, before, after }) => (
              <li key={`${request} ${guard} ${stage} ${category}`}>
                <time dateTime={time}>{new Date(time).toLocaleString(document.documentElement.lang)}</time>
                <span>
                  {guard} · {guardSubjects[kind]} · {guardStages[stage]} · {category}{" "}
                  {percentText(Number(score.toFixed(2)))} · {words.verdicts[before]} → {words.verdicts[after]}
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
      {found.is_cut && <p className="aside">{words.cut}</p>}
    </div>
  );
}
