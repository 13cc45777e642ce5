/** One value of a row as a field to correct, with what the model thought of it. */
import { useId, useState } from "react";
import { percentText } from "../quantities.js";
import { answerColumn, choicesOf, listOf } from "./plan.js";
import { type Cell, cellText, type Field } from "./row.js";
import { useTableWords } from "./words.js";

interface ReviewFieldProps {
  readonly name: string;
  /** Undefined: the answer to the one question. */
  readonly field: Field | undefined;
  readonly cell: Cell | undefined;
  readonly isFirst: boolean;
  readonly onCorrect: (value: unknown) => void;
}

export function ReviewField({ name, field, cell, isFirst, onCorrect }: ReviewFieldProps) {
  const words = useTableWords();
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{name === answerColumn && !field ? words.answer : name}</label>
      <Input id={id} field={field} value={cell?.value} isFirst={isFirst} onCorrect={onCorrect} />
      {field?.type === "list" && <small>{words.listNote}</small>}
      {cell?.isCorrected ? (
        <p className="aside">
          {words.said(cellText(cell.said))}{" "}
          {cell.said !== undefined && (
            <button type="button" className="action" onClick={() => onCorrect(cell.said)}>
              {words.takeBack}
            </button>
          )}
        </p>
      ) : (
        cell && <Sureness cell={cell} onChoose={onCorrect} />
      )}
    </div>
  );
}

function Sureness({ cell, onChoose }: { cell: Cell; onChoose: (value: unknown) => void }) {
  const words = useTableWords();
  const { probability, others = [] } = cell;
  return (
    <p className="aside row">
      {probability !== undefined && words.sure(percentText(Number(probability.toFixed(2))))}
      {others.length > 0 && ` · ${words.orElse}`}
      {others.map((value) => (
        <button key={cellText(value)} type="button" className="soft other" onClick={() => onChoose(value)}>
          {cellText(value)}
        </button>
      ))}
    </p>
  );
}

interface InputProps {
  readonly id: string;
  readonly field: Field | undefined;
  readonly value: unknown;
  readonly isFirst: boolean;
  readonly onCorrect: (value: unknown) => void;
}

function Input({ id, field, value, isFirst, onCorrect }: InputProps) {
  const words = useTableWords();
  const common = { id, "data-first": isFirst };
  const text = cellText(value);
  switch (field?.type) {
    case "yesNo":
    case "choice": {
      const options = field.type === "yesNo" ? ["true", "false"] : choicesOf(field);
      const title = (option: string) => (field.type === "choice" ? option : option === "true" ? words.yes : words.no);
      const chosen = (option: string) => (field.type === "yesNo" ? option === "true" : option);
      return (
        <select {...common} value={text} onChange={(event) => onCorrect(chosen(event.target.value))}>
          {!options.includes(text) && <option value={text}>{text || words.unset}</option>}
          {options.map((option) => (
            <option key={option} value={option}>
              {title(option)}
            </option>
          ))}
        </select>
      );
    }
    case "number":
      return (
        <Typed
          {...common}
          isNumber
          text={text}
          onCorrect={(typed) => typed.trim() !== "" && onCorrect(Number(typed))}
        />
      );
    case "list":
      return <Typed {...common} text={text} onCorrect={(typed) => onCorrect(listOf(typed))} />;
    default:
      return <Typed {...common} text={text} onCorrect={(typed) => onCorrect(typed)} />;
  }
}

interface TypedProps {
  readonly id: string;
  readonly "data-first": boolean;
  readonly text: string;
  readonly isNumber?: boolean;
  readonly onCorrect: (typed: string) => void;
}

/**
 * Taken when it is left or Enter is pressed: half a word is no correction. What is being typed stays when another value comes, from the
 * model or another tab.
 */
function Typed({ text, isNumber, onCorrect, ...rest }: TypedProps) {
  const [typed, setTyped] = useState<string>();
  const take = () => {
    if (typed !== undefined && typed !== text) onCorrect(typed);
    setTyped(undefined);
  };
  return (
    <input
      {...rest}
      {...(isNumber && { type: "number", step: "any" })}
      value={typed ?? text}
      onChange={(event) => setTyped(event.target.value)}
      onKeyDown={(event) => event.key === "Enter" && take()}
      onBlur={take}
    />
  );
}
