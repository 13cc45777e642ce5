/** The same pictures and question to two models, or to one at two temperatures. */
import { type FormEvent, useState } from "react";
import { isInBrowser } from "../in-browser/names.js";
import { AnswerView } from "../parts/answer-view.js";
import { Command } from "../parts/command.js";
import { ExamplesRow } from "../parts/examples-row.js";
import { ModelOptions } from "../parts/model-options.js";
import { Sheet } from "../parts/sheet.js";
import { plainSettings, usePreferences } from "../preferences.js";
import { useChatModels } from "../server-state.js";
import { type AnswerSlot, useAnswer } from "../use-answer.js";
import { usePageFiles, usePictures } from "../use-pictures.js";
import { useWords } from "../words.js";

interface Side {
  readonly model: string;
  readonly temperature: string;
}

export function ComparePage() {
  const words = useWords();
  const models = useChatModels();
  const [sides, setSides] = useState<readonly [Side, Side]>([plainSide, plainSide]);
  const slots = [useAnswer(), useAnswer()] as const;
  const draft = usePictures();
  usePageFiles(draft.add);
  const served = models.filter(({ id }) => !isInBrowser(id));
  const settled = sides.map(({ model, temperature }, i) => ({
    model: models.find(({ id }) => id === model)?.id ?? served[i]?.id ?? served[0]?.id ?? "",
    temperature,
  }));
  const isWriting = slots.some((slot) => slot.isWriting);
  const ask = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget).get("question")).trim();
    for (const [i, slot] of slots.entries()) {
      const { model, temperature } = settled[i]!;
      void slot.ask(text, draft.pictures, model, { ...plainSettings, numbers: { temperature } });
    }
  };
  const stop = () => {
    for (const slot of slots) slot.stop();
  };
  const change = (place: number, side: Side) => setSides(place === 0 ? [side, settled[1]!] : [settled[0]!, side]);
  return (
    <Sheet>
      <h1>{words.compareTitle}</h1>
      <p className="lead">{words.compareLead}</p>
      {models.length === 1 && <Command text={words.compareOne} command="ocellus serve --weights int4,fp32" />}
      <form className="panel" onSubmit={ask}>
        <ExamplesRow draft={draft} names={["pair.jpg"]} />
        <QuestionField />
        {isWriting ? (
          <button key="stop" type="button" className="firm" onClick={stop}>
            {words.stop}
          </button>
        ) : (
          <button key="ask" type="submit" className="firm" disabled={models.length === 0 || draft.numReading > 0}>
            {words.ask}
          </button>
        )}
      </form>
      <div className="sides">
        {settled.map((side, place) => (
          <SideView
            key={place}
            name={place === 0 ? words.left : words.right}
            side={side}
            slot={slots[place]!}
            onChange={(changed) => change(place, changed)}
          />
        ))}
      </div>
    </Sheet>
  );
}

const plainSide: Side = { model: "", temperature: "" };

function QuestionField() {
  const words = useWords();
  const { language } = usePreferences();
  const first = language === "zh" ? "描述这件商品。" : "Describe this product.";
  return <input key={language} name="question" aria-label={words.ask} defaultValue={first} required />;
}

interface SideViewProps {
  readonly name: string;
  readonly side: Side;
  readonly slot: AnswerSlot;
  readonly onChange: (side: Side) => void;
}

function SideView({ name, side, slot, onChange }: SideViewProps) {
  const words = useWords();
  const models = useChatModels();
  return (
    <section className="side" aria-label={name}>
      <div className="side-head">
        <select
          aria-label={`${name}: ${words.model}`}
          value={side.model}
          onChange={(event) => onChange({ ...side, model: event.target.value })}
        >
          <ModelOptions models={models} />
        </select>
        <label>
          {words.fields.temperature}
          <input
            type="number"
            min={0}
            max={2}
            step={0.1}
            value={side.temperature}
            placeholder={words.modelDefault}
            onChange={(event) => onChange({ ...side, temperature: event.target.value })}
          />
        </label>
      </div>
      {slot.answer && <AnswerView answer={slot.answer} turnsBefore={() => slot.turns} />}
    </section>
  );
}
