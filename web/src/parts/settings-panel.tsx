/** How the next question is asked: system prompt, answer format, sampling. Empty fields leave the model's own defaults. */
import { type KeyboardEvent, lazy, Suspense, useEffect, useId, useRef } from "react";
import { parseSchema } from "../conversation.js";
import { Icon } from "../icons.js";
import { type NumberField, numberFields, plainSettings, type Settings, usePreferences } from "../preferences.js";
import { useFocusBack } from "../use-focus-back.js";
import { useWords } from "../words.js";
import { Tabs } from "./tabs.js";

const StoredModels = lazy(async () => ({ default: (await import("../in-browser/stored-models.js")).StoredModels }));

const formats = ["text", "json_object", "json_schema"] as const;
const numberNames = Object.keys(numberFields) as NumberField[];

export function SettingsPanel({ onClose }: { onClose: () => void }) {
  const words = useWords();
  const { settings, key, change } = usePreferences();
  const set = (part: Partial<Settings>) => change({ settings: { ...settings, ...part } });
  const panel = useRef<HTMLElement>(null);
  useFocusBack();
  useEffect(() => panel.current?.focus(), []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.stopPropagation(); // it would also stop the answer
    onClose();
  };
  return (
    <aside ref={panel} tabIndex={-1} className="settings" aria-label={words.settings} onKeyDown={onKeyDown}>
      <header>
        <h2>{words.settings}</h2>
        <button type="button" className="quiet" aria-label={words.close} onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <label className="field">
        {words.systemPrompt}
        <textarea
          rows={3}
          value={settings.system}
          placeholder={words.systemPlaceholder}
          onChange={(event) => set({ system: event.target.value })}
        />
      </label>
      <div className="field">
        <span>{words.answerFormat}</span>
        <Tabs
          label={words.answerFormat}
          names={formats}
          titles={words.formats}
          chosen={settings.format}
          onChoose={(format) => set({ format })}
        />
      </div>
      {settings.format === "json_schema" && (
        <SchemaField schema={settings.schema} onChange={(schema) => set({ schema })} />
      )}
      <fieldset>
        <legend>{words.sampling}</legend>
        {numberNames.map((name) => (
          <label key={name} className="number">
            {words.fields[name]}
            <input
              type="number"
              inputMode="decimal"
              {...numberFields[name]}
              value={settings.numbers[name] ?? ""}
              placeholder={words.modelDefault}
              onChange={(event) => set({ numbers: { ...settings.numbers, [name]: event.target.value } })}
            />
          </label>
        ))}
        <label className="field">
          {words.stopStrings}
          <textarea
            rows={2}
            value={settings.stop}
            placeholder={words.stopPlaceholder}
            onChange={(event) => set({ stop: event.target.value })}
          />
        </label>
        <label className="check">
          <input
            type="checkbox"
            checked={settings.probabilities}
            onChange={(event) => set({ probabilities: event.target.checked })}
          />
          {words.askProbabilities}
        </label>
      </fieldset>
      <label className="field">
        {words.apiKey}
        <input
          type="password"
          autoComplete="off"
          value={key}
          placeholder="sk-ocellus-…"
          onChange={(event) => change({ key: event.target.value.trim() })}
        />
        <small>{words.apiKeyNote}</small>
      </label>
      {isSecureContext && (
        <Suspense>
          <StoredModels />
        </Suspense>
      )}
      <button type="button" className="soft" onClick={() => change({ settings: plainSettings })}>
        {words.resetSettings}
      </button>
    </aside>
  );
}

const exampleSchema = {
  type: "object",
  properties: { product: { type: "string" }, colour: { type: "string" }, count: { type: "integer" } },
  required: ["product", "colour", "count"],
  additionalProperties: false,
};

function SchemaField({ schema, onChange }: { schema: string; onChange: (schema: string) => void }) {
  const words = useWords();
  const id = useId();
  const isWrong = schema.trim() !== "" && parseSchema(schema) === undefined;
  return (
    <div className="field">
      <label htmlFor={id}>{words.schema}</label>
      <textarea
        id={id}
        className="mono"
        rows={8}
        spellCheck={false}
        value={schema}
        aria-invalid={isWrong}
        onChange={(event) => onChange(event.target.value)}
      />
      {isWrong && (
        <p className="wrong" role="alert">
          {words.schemaWrong}
        </p>
      )}
      {schema.trim() === "" && (
        <button type="button" className="action" onClick={() => onChange(JSON.stringify(exampleSchema, undefined, 2))}>
          {words.schemaExample}
        </button>
      )}
    </div>
  );
}
