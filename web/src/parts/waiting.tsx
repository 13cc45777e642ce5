/** In the place of an answer's first words. */
import { lazy, Suspense } from "react";
import { isInBrowser } from "../in-browser/names.js";
import { useSight } from "../sight.js";
import { useWords } from "../words.js";

const WaitingHere = lazy(async () => ({ default: (await import("../in-browser/waiting.js")).WaitingHere }));

export function Waiting({ model }: { model: string }) {
  const isInChat = useSight() !== undefined;
  const looking = <p className="looking">{useWords().writing}</p>;
  if (!isInBrowser(model)) return looking;
  return (
    <Suspense fallback={looking}>
      <WaitingHere id={model} hasPanel={isInChat} />
    </Suspense>
  );
}
