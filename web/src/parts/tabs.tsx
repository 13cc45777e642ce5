/** A choice of one among few, as radio buttons that look like one control. */
import { useId } from "react";

interface TabsProps<T extends string> {
  readonly label: string;
  readonly names: readonly T[];
  readonly chosen: T;
  readonly titles?: Readonly<Record<T, string>>;
  readonly onChoose: (name: T) => void;
}

export function Tabs<T extends string>({ label, names, chosen, titles, onChoose }: TabsProps<T>) {
  const group = useId();
  return (
    <div className="tabs" role="radiogroup" aria-label={label}>
      {names.map((name) => (
        <label key={name}>
          <input type="radio" name={group} checked={name === chosen} onChange={() => onChoose(name)} />
          <span>{titles?.[name] ?? name}</span>
        </label>
      ))}
    </div>
  );
}
