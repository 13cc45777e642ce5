/** What is loaded, and what is inside it: the parts of the model in the order of the data, each as large as it is. */
import { useState } from "react";
import type { WireModel } from "../../../src/protocol/index.js";
import { Command } from "../parts/command.js";
import { Sheet } from "../parts/sheet.js";
import { XrayView } from "../parts/xray-view.js";
import { useModels } from "../server-state.js";
import { useWords } from "../words.js";

export function ModelPage() {
  const words = useWords();
  const models = [...useModels(), ...useModels("embedding")];
  const [chosen, setChosen] = useState("");
  const model = models.find(({ id }) => id === chosen) ?? models[0];
  return (
    <Sheet>
      <h1>{words.modelTitle}</h1>
      {models.length > 1 && (
        <select
          className="model-choice"
          aria-label={words.model}
          value={model?.id}
          onChange={(event) => setChosen(event.target.value)}
        >
          {models.map(({ id }) => (
            <option key={id}>{id}</option>
          ))}
        </select>
      )}
      {model && (
        <>
          <ModelInfo model={model} />
          <XrayView key={model.id} model={model} />
          <Command text={words.inspectNote} command={inspectCommand(model.id)} />
        </>
      )}
    </Sheet>
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
