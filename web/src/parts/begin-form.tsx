/** Another version for an alias: which, whether it is tried, deployed or a shadow, and with what share of the users. */
import { useState } from "react";
import type { WireAlias, WireVersion } from "../../../src/protocol/index.js";
import type { Beginning } from "../api.js";
import { beginIntent, deployIntent, type Intent, planOf, usualPace } from "../intents.js";
import { useVersionsWords } from "../words-versions.js";
import { Command } from "./command.js";
import { PaceFields } from "./pace-fields.js";
import { ShareSlider } from "./share-slider.js";
import { Tabs } from "./tabs.js";

interface BeginFormProps {
  readonly alias: WireAlias;
  readonly versions: readonly WireVersion[];
  readonly onIntent: (intent: Intent) => void;
}

export function BeginForm({ alias, versions, onIntent }: BeginFormProps) {
  const words = useVersionsWords();
  const { begin } = words.rollout;
  const taken = [alias.version, alias.canary?.version, alias.shadow];
  const others = versions.filter(({ version }) => !taken.includes(version)).reverse();
  const [chosen, choose] = useState("");
  const [wanted, setKind] = useState<Beginning>("canary");
  const [percent, setPercent] = useState(5);
  const [usesAnalysis, setUsesAnalysis] = useState(true);
  const [pace, setPace] = useState(usualPace);
  const version = others.find((each) => each.version === chosen) ?? others[0];
  if (!version) return <Command text={begin.none} command="ocellus rollout publish FOLDER --tag TAG" />;
  const kind = alias.canary ? "shadow" : wanted;
  const trial = { share: percent / 100, usesAnalysis, pace };
  const { steps } = planOf(trial);
  const intent = beginIntent(kind, alias, version, trial, words);
  return (
    <div className="begin">
      <VersionChoice versions={others} chosen={version.version} onChoose={choose} />
      {!alias.canary && (
        <Tabs
          label={begin.how}
          names={["canary", "deploy", "shadow"]}
          chosen={kind}
          titles={begin.kinds}
          onChoose={setKind}
        />
      )}
      {kind === "canary" && (
        <>
          <ShareSlider value={percent} onChange={setPercent} />
          <label className="option">
            <input type="checkbox" checked={usesAnalysis} onChange={(event) => setUsesAnalysis(event.target.checked)} />
            <span>
              {begin.analysis}
              <small>{steps.at(-1) === 1 ? begin.climbs(steps) : begin.stays(steps[0]!)}</small>
            </span>
          </label>
          <PaceFields pace={pace} usesAnalysis={usesAnalysis} onChange={setPace} />
        </>
      )}
      <button type="button" className="firm" onClick={() => onIntent(intent)}>
        {intent.title}
      </button>
    </div>
  );
}

/** A name that nobody has asked for yet. */
export function NewAliasForm({
  versions,
  onIntent,
}: {
  versions: readonly WireVersion[];
  onIntent: (intent: Intent) => void;
}) {
  const { begin } = useVersionsWords().rollout;
  const newest = [...versions].reverse();
  const [name, setName] = useState("");
  const [chosen, choose] = useState("");
  const version = newest.find((each) => each.version === chosen) ?? newest[0]!;
  const intent = deployIntent(name, undefined, version, begin);
  return (
    <form
      className="begin"
      onSubmit={(event) => {
        event.preventDefault();
        onIntent(intent);
      }}
    >
      <label className="field">
        <span>{begin.name}</span>
        <input
          value={name}
          required
          pattern="[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}"
          placeholder="prod"
          autoComplete="off"
          onChange={(event) => setName(event.target.value)}
        />
      </label>
      <VersionChoice versions={newest} chosen={version.version} onChoose={choose} />
      <button type="submit" className="firm">
        {intent.title}
      </button>
    </form>
  );
}

interface VersionChoiceProps {
  readonly versions: readonly WireVersion[];
  readonly chosen: string;
  readonly onChoose: (version: string) => void;
}

function VersionChoice({ versions, chosen, onChoose }: VersionChoiceProps) {
  const { begin } = useVersionsWords().rollout;
  return (
    <label className="field">
      <span>{begin.version}</span>
      <select value={chosen} onChange={(event) => onChoose(event.target.value)}>
        {versions.map((each) => (
          <option key={each.version} value={each.version}>
            {begin.stats(each)}
          </option>
        ))}
      </select>
    </label>
  );
}
