/** What is asked of each picture: one question, or a schema put together by clicking. */
import { useId } from "react";
import { newId } from "../conversation.js";
import { Icon } from "../icons.js";
import { Tabs } from "../parts/tabs.js";
import { type Field, type FieldType, fieldTypes, type Plan } from "./row.js";
import { useTableWords } from "./words.js";

interface PlanPanelProps {
  readonly plan: Plan;
  /** While rows are asked, what is asked stays. */
  readonly isLocked: boolean;
  readonly onChange: (change: (plan: Plan) => Plan) => void;
}

const modes = ["question", "fields"] as const;
const newField = (): Field => ({ id: newId(), name: "", type: "text", choices: "", required: true });

export function PlanPanel({ plan, isLocked, onChange }: PlanPanelProps) {
  const words = useTableWords();
  const { mode, question, fields } = plan;
  const label = mode === "question" ? words.question : words.task;
  const changeFields = (change: (fields: readonly Field[]) => readonly Field[]) =>
    onChange((old) => ({ ...old, fields: change(old.fields) }));
  const choose = (chosen: Plan["mode"]) => {
    const first = newField();
    onChange((old) => ({
      ...old,
      mode: chosen,
      fields: chosen === "fields" && old.fields.length === 0 ? [first] : old.fields,
    }));
  };
  const addField = () => {
    const field = newField();
    changeFields((old) => [...old, field]);
  };
  return (
    <fieldset className="plan" disabled={isLocked}>
      <legend className="unseen">{words.ask}</legend>
      <div className="plan-head">
        <Tabs label={words.ask} names={modes} titles={words.modes} chosen={mode} onChoose={choose} />
        <input
          aria-label={label}
          placeholder={mode === "question" ? words.questionExample : words.task}
          value={question}
          onChange={({ target }) => onChange((old) => ({ ...old, question: target.value }))}
        />
      </div>
      {mode === "fields" && (
        <div className="plan-fields">
          {fields.map((field) => (
            <FieldRow
              key={field.id}
              field={field}
              onChange={(part) =>
                changeFields((old) => old.map((each) => (each.id === field.id ? { ...each, ...part } : each)))
              }
              onRemove={() => changeFields((old) => old.filter(({ id }) => id !== field.id))}
            />
          ))}
          <button type="button" className="soft" onClick={addField}>
            <Icon name="plus" />
            {words.addField}
          </button>
        </div>
      )}
    </fieldset>
  );
}

interface FieldRowProps {
  readonly field: Field;
  readonly onChange: (part: Partial<Field>) => void;
  readonly onRemove: () => void;
}

function FieldRow({ field, onChange, onRemove }: FieldRowProps) {
  const words = useTableWords();
  const id = useId();
  return (
    <div className="plan-field">
      <input
        aria-label={words.fieldName}
        placeholder={words.fieldNameExample}
        maxLength={60}
        value={field.name}
        onChange={(event) => onChange({ name: event.target.value })}
      />
      <select
        aria-label={words.fieldType}
        value={field.type}
        onChange={(event) => onChange({ type: event.target.value as FieldType })}
      >
        {fieldTypes.map((type) => (
          <option key={type} value={type}>
            {words.types[type]}
          </option>
        ))}
      </select>
      {field.type === "choice" && (
        <input
          className="choices"
          aria-label={words.choices}
          placeholder={words.choicesExample}
          value={field.choices}
          onChange={(event) => onChange({ choices: event.target.value })}
        />
      )}
      <label className="check" htmlFor={id}>
        <input
          id={id}
          type="checkbox"
          checked={field.required}
          onChange={(event) => onChange({ required: event.target.checked })}
        />
        {words.required}
      </label>
      <button type="button" className="quiet" aria-label={words.removeField(field.name)} onClick={onRemove}>
        <Icon name="close" />
      </button>
    </div>
  );
}
