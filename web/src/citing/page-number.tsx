/** A number in an answer, which opens the page that it means. */
import { useContext } from "react";
import { labelOf } from "./cited.js";
import { CitedContext } from "./context.js";

export function PageNumber({ number }: { number: number }) {
  const { pages, show, hrefOf } = useContext(CitedContext);
  const page = pages.get(number);
  if (!page) return `[${number}]`;
  const label = labelOf(page);
  if (hrefOf) return <a href={hrefOf(page)} title={label}>{`[${number}]`}</a>;
  return (
    <button type="button" className="page-number" aria-label={label} title={label} onClick={() => show?.(page)}>
      {number}
    </button>
  );
}
