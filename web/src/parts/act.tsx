/** Buttons that change versions: each says first what it will do, and then what came of it where it was refused. */
import { type ReactNode, useState } from "react";
import { changeAlias } from "../api.js";
import type { Problem } from "../conversation.js";
import type { Intent } from "../intents.js";
import { problemOf } from "../problems.js";
import { ConfirmDialog } from "./confirm-dialog.js";
import { ProblemView } from "./problem-view.js";

/** @param children get what a button of theirs calls */
export function Act({ children }: { children: (ask: (intent: Intent) => void) => ReactNode }) {
  const [intent, setIntent] = useState<Intent>();
  const [problem, setProblem] = useState<Problem>();
  const change = async ({ alias, command, body }: Intent) => {
    setProblem(undefined);
    await changeAlias(alias, command, body).catch((error: unknown) => setProblem(problemOf(error)));
  };
  return (
    <>
      {children(setIntent)}
      {problem && <ProblemView problem={problem} />}
      {intent && (
        <ConfirmDialog
          title={intent.title}
          text={intent.text}
          onConfirm={() => void change(intent)}
          onClose={() => setIntent(undefined)}
        />
      )}
    </>
  );
}
