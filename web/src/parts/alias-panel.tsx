/** One alias: what it serves, its canary with the figures of the analysis, what its answers were like, and what can be done. */
import type { WireAlias, WireHistory, WireVersion } from "../../../src/protocol/index.js";
import { type Intent, intentsOf, shareIntent } from "../intents.js";
import { durationText, stepsText } from "../quantities.js";
import { useVersionsWords } from "../words-versions.js";
import { Act } from "./act.js";
import { BeginForm } from "./begin-form.js";
import { CanaryFigures } from "./canary-figures.js";
import { FiguresView } from "./figures-view.js";
import { ShareField } from "./share-field.js";

interface AliasPanelProps {
  readonly alias: WireAlias;
  readonly versions: readonly WireVersion[];
  readonly history?: WireHistory | undefined;
}

export function AliasPanel({ alias, versions, history }: AliasPanelProps) {
  const words = useVersionsWords();
  const { name, shadow, previous, comparison } = alias;
  return (
    <section className="panel alias" aria-label={name}>
      <header>
        <h2>
          {name} {words.serves(alias.version)}
        </h2>
        <p className="aside">
          {words.since(new Date(alias.since).toLocaleString(document.documentElement.lang))}
          {previous.length > 0 && ` · ${words.before(previous.join(", "))}`}
          {shadow !== undefined && ` · ${words.shadow(shadow)}`}
        </p>
        {comparison && <p className="aside">{words.alike(shadow!, comparison)}</p>}
      </header>
      {alias.is_unrecorded && (
        <p className="problem" role="status">
          {words.unrecorded}
        </p>
      )}
      {!alias.is_in_force && <NotInForce alias={alias} versions={versions} />}
      <Act>
        {(ask) => (
          <>
            <CanaryView alias={alias} onIntent={ask} />
            <div className="row">
              {intentsOf(alias, versions, words).map((each) => (
                <button key={each.title} type="button" className="soft" onClick={() => ask(each)}>
                  {each.title}
                </button>
              ))}
            </div>
            <details className="opens">
              <summary>{words.rollout.begin.open}</summary>
              <BeginForm alias={alias} versions={versions} onIntent={ask} />
            </details>
          </>
        )}
      </Act>
      <FiguresView alias={alias} history={history} />
    </section>
  );
}

function NotInForce({ alias: { version, canary, shadow }, versions }: AliasPanelProps) {
  const words = useVersionsWords();
  const wanted = [version, canary?.version, shadow];
  return (
    <div className="problem" role="status">
      <p>{words.notInForce}</p>
      {versions
        .filter((each) => wanted.includes(each.version) && each.failure !== undefined)
        .map((each) => (
          <p key={each.version}>
            {words.failed(each.version)} <span lang="en">{each.failure}</span>
          </p>
        ))}
    </div>
  );
}

function CanaryView({ alias, onIntent }: { alias: WireAlias; onIntent: (intent: Intent) => void }) {
  const words = useVersionsWords();
  const { canary, version } = alias;
  if (!canary) return null;
  const { uses_analysis: usesAnalysis, is_paused: isPaused, verdict, comparison } = canary;
  return (
    <div className="canary">
      <h3>{words.tries(canary.version, canary.share)}</h3>
      <p className="aside">
        {usesAnalysis ? words.analysis(stepsText(canary.steps)) : words.unanalysed}
        {canary.step_seconds !== undefined && ` ${words.lasts(durationText(canary.step_seconds))}`}
        {canary.gate !== undefined && ` ${words.asks(canary.gate)}`}
        {isPaused && ` ${words.paused}`}
      </p>
      {verdict && <CanaryFigures stable={version} canary={canary.version} verdict={verdict} />}
      {comparison && <p className="aside">{words.alike(canary.version, comparison)}</p>}
      {usesAnalysis && !verdict && <p className="aside">{words.noEvidence}</p>}
      <ShareField
        key={canary.share}
        share={canary.share}
        onChange={(share) => onIntent(shareIntent(alias, share, words))}
      />
    </div>
  );
}
