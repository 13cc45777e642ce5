/** One alias: what it serves, its canary with the judge's figures, and what can be done about them. */
import { useState } from "react";
import type { WireAlias, WireVersion } from "../../../src/protocol/index.js";
import { problemOf } from "../answering.js";
import { type AliasCommand, changeAlias } from "../api.js";
import { useWords } from "../words.js";
import { stepsText, type VersionsWords } from "../words-versions.js";
import { CanaryFigures } from "./canary-figures.js";
import { ConfirmDialog } from "./confirm-dialog.js";
import { ShareField } from "./share-field.js";

interface AliasPanelProps {
  readonly alias: WireAlias;
  readonly versions: readonly WireVersion[];
}

/** A button that was pressed: with the alias as it was seen then, which is what the dialog speaks of. */
interface Intent {
  readonly title: string;
  readonly text: string;
  readonly command: AliasCommand;
  readonly body: object;
}

export function AliasPanel({ alias, versions }: AliasPanelProps) {
  const words = useWords().versionsRoom;
  const [intent, setIntent] = useState<Intent>();
  const [problem, setProblem] = useState<string>();
  const { name, canary, shadow, previous } = alias;
  const change = async ({ command, body }: Intent) => {
    setProblem(undefined);
    await changeAlias(name, command, body).catch((error: unknown) => setProblem(problemOf(error).message));
  };
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
      </header>
      {!alias.is_in_force && <NotInForce alias={alias} versions={versions} />}
      {canary && <CanaryView alias={alias} onShare={(share) => setIntent(shareIntent(alias, share, words))} />}
      <div className="row">
        {intentsOf(alias, versions, words).map((each) => (
          <button key={each.command} type="button" className="soft" onClick={() => setIntent(each)}>
            {each.title}
          </button>
        ))}
      </div>
      {problem && (
        <p className="wrong" role="alert">
          {problem}
        </p>
      )}
      {intent && (
        <ConfirmDialog
          title={intent.title}
          text={intent.text}
          onConfirm={() => void change(intent)}
          onClose={() => setIntent(undefined)}
        />
      )}
    </section>
  );
}

function NotInForce({ alias: { version, canary, shadow }, versions }: AliasPanelProps) {
  const words = useWords().versionsRoom;
  const wanted = [version, canary?.version, shadow];
  return (
    <div className="problem" role="status">
      <p>{words.notInForce}</p>
      {versions
        .filter((each) => wanted.includes(each.version) && each.failure !== undefined)
        .map((each) => (
          <p key={each.version}>{words.failed(each.version, each.failure!)}</p>
        ))}
    </div>
  );
}

function CanaryView({ alias, onShare }: { alias: WireAlias; onShare: (share: number) => void }) {
  const words = useWords().versionsRoom;
  const { canary, version } = alias;
  if (!canary) return null;
  const { is_judged: isJudged, is_paused: isPaused, verdict } = canary;
  return (
    <div className="canary">
      <h3>{words.tries(canary.version, canary.share)}</h3>
      <p className="aside">
        {isJudged ? words.judged(stepsText(canary.steps)) : words.unjudged}
        {isPaused && ` ${words.paused}`}
      </p>
      {verdict && <CanaryFigures stable={version} canary={canary.version} verdict={verdict} />}
      {isJudged && !verdict && <p className="aside">{words.noEvidence}</p>}
      <ShareField key={canary.share} share={canary.share} onChange={onShare} />
    </div>
  );
}

function shareIntent(alias: WireAlias, share: number, words: VersionsWords): Intent {
  const body = { version: alias.canary!.version, share, is_running: true };
  return { title: words.setShare(share), text: words.willShare(alias, share), command: "canary", body };
}

/** Each names the version it is about, so that it is refused when the alias has moved on since. */
function intentsOf(alias: WireAlias, versions: readonly WireVersion[], words: VersionsWords): Intent[] {
  const { canary, version, previous } = alias;
  if (!canary) {
    const back = versions.find((each) => each.version === previous[0]);
    const text = words.willReturn(alias, back?.is_loaded ?? false);
    return previous.length === 0 ? [] : [{ title: words.rollback, text, command: "rollback", body: { version } }];
  }
  const body = { version: canary.version };
  const judge: Intent = canary.is_paused
    ? { title: words.resume, text: words.willResume(alias), command: "resume", body: {} }
    : { title: words.pause, text: words.willPause(alias), command: "pause", body: {} };
  return [
    { title: words.promote, text: words.willPromote(alias), command: "promote", body },
    ...(canary.is_judged ? [judge] : []),
    { title: words.rollback, text: words.willEnd(alias), command: "rollback", body },
  ];
}
