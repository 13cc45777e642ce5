/** What is loaded, and how to look inside. */
import type { WireModel } from "../../../src/protocol/index.js";
import { Command } from "../parts/command.js";
import { useModels } from "../server-state.js";
import { useWords } from "../words.js";

export function ModelPage() {
  const words = useWords();
  const models = [...useModels(), ...useModels("embedding")];
  return (
    <div className="sheet">
      <div className="wide">
        <h1>{words.modelTitle}</h1>
        {models.map((model) => (
          <ModelFacts key={model.id} model={model} />
        ))}
        {models.length > 0 && <Command text={words.inspectNote} command={inspectCommand(models[0]!.id)} />}
      </div>
    </div>
  );
}

function inspectCommand(id: string): string {
  return id === "ocellus-tiny" ? "ocellus inspect" : "ocellus inspect path/to/checkpoint";
}

function ModelFacts({ model: { id, ocellus } }: { model: WireModel }) {
  const words = useWords();
  const yes = (is: boolean) => (is ? words.yes : words.no);
  const shown: Record<keyof typeof words.modelFacts, string> = {
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
      <dl className="list">
        {names.map((name) => (
          <div key={name}>
            <dt>{words.modelFacts[name]}</dt>
            <dd className={name === "version" ? "mono" : undefined}>{shown[name]}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
