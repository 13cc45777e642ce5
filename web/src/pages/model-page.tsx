/** The X-ray room: what is inside a model that is loaded or a version that is published, and what differs between two versions. */
import { useState } from "react";
import type { WireModel, WireVersion } from "../../../src/protocol/index.js";
import { readAdminState } from "../api.js";
import { Command } from "../parts/command.js";
import { DiffView } from "../parts/diff-view.js";
import { Sheet } from "../parts/sheet.js";
import { XrayView } from "../parts/xray-view.js";
import { useModels } from "../server-state.js";
import { useLoaded } from "../use-loaded.js";
import { useWords } from "../words.js";
import { ExaminationView } from "../xray/examination-view.js";
import { ModelChoice, nameOf, OtherChoice } from "../xray/model-choice.js";
import { useXrayWords } from "../xray/words.js";
import "../style/versions.css";
import "../xray/xray.css";

export function ModelPage() {
  const words = useWords();
  const models = [...useModels(), ...useModels("embedding")];
  const versions = [...(useLoaded(readAdminState).value?.versions ?? [])].reverse();
  const [chosen, setChosen] = useState("");
  const [other, setOther] = useState("");
  const version = versions.find((each) => nameOf("version", each.version) === chosen);
  const model = models.find(({ id }) => nameOf("model", id) === chosen) ?? models[0];
  const shown = version ? chosen : nameOf("model", model?.id ?? "");
  const second = version && versions.find((each) => each.version === other && other !== version.version);
  return (
    <Sheet>
      <h1>{words.modelTitle}</h1>
      {models.length + versions.length > 1 && (
        <div className="version-choice">
          <ModelChoice models={models} versions={versions} chosen={shown} onChange={setChosen} />
          {version && versions.length > 1 && (
            <OtherChoice versions={versions} beside={version.version} chosen={other} onChange={setOther} />
          )}
        </div>
      )}
      {second && version && <Compared a={second} b={version} />}
      {version && !second && (
        <ExaminationView
          key={version.version}
          examined={{ kind: "version", id: version.version }}
          numBytes={version.bytes}
        />
      )}
      {!version && model && (
        <>
          <ModelInfo model={model} />
          <XrayView key={model.id} model={model} />
          <Command text={words.inspectNote} command={inspectCommand(model.id)} />
        </>
      )}
    </Sheet>
  );
}

function Compared({ a, b }: { a: WireVersion; b: WireVersion }) {
  const words = useXrayWords();
  return (
    <section className="compared examination">
      <h2>{words.diffTitle(a.version, b.version)}</h2>
      <DiffView key={`${a.version} ${b.version}`} a={a.version} b={b.version} numBytes={a.bytes + b.bytes} />
    </section>
  );
}
function inspectCommand(id: string): string {
  const folder = id.startsWith("ocellus-tiny") ? "checkpoints/ocellus-tiny" : "path/to/checkpoint";
  return `ocellus inspect ${folder}`;
}

function ModelInfo({ model: { id, ocellus } }: { model: WireModel }) {
  const words = useWords();
  const yes = (is: boolean) => (is ? words.yes : words.no);
  const shown: Record<keyof typeof words.modelInfo, string> = {
    kind: words.kinds[ocellus.kind],
    model_type: ocellus.model_type,
    weights: ocellus.weights,
    device: ocellus.device,
    max_length: words.tokens(ocellus.max_length),
    vision: yes(ocellus.vision),
    tools: yes(ocellus.tools),
    version: ocellus.version.slice(0, 16),
  };
  const names = Object.keys(shown) as (keyof typeof shown)[];
  return (
    <section className="facts-of" aria-label={id}>
      <h2>{id}</h2>
      <dl className="fact-grid">
        {names.map((name) => (
          <div key={name}>
            <dt>{words.modelInfo[name]}</dt>
            <dd className={name === "version" ? "mono" : undefined}>{shown[name]}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
