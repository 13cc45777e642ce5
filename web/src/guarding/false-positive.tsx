import { useState } from "react";
import { proposeAllowed } from "../api.js";
import { kindOf, problemOf } from "../problems.js";
import { useWords } from "../words.js";

interface FalsePositiveProps {
  readonly guard: string;
  readonly category?: string;
  readonly text?: string;
  readonly sha256?: string;
}

/** "This was no hit": noted for a person. */
export function FalsePositive(proposal: FalsePositiveProps) {
  const words = useWords();
  const [said, setSaid] = useState<string>();
  const propose = () =>
    proposeAllowed(proposal).then(
      () => setSaid(words.guardsProposed),
      (error: unknown) => setSaid(words.problems[kindOf(problemOf(error))]),
    );
  if (said !== undefined) return <span className="aside">{said}</span>;
  return (
    <button type="button" className="action" onClick={() => void propose()}>
      {words.guardsFalse}
    </button>
  );
}
