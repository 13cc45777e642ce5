/** A JSON answer as a form or as it was written. */
import { type ReactNode, useState } from "react";
import type { Answer, Picture } from "../conversation.js";
import { leavesOf } from "../places.js";
import { useSightWords } from "../words-sight.js";
import { FieldsForm } from "./fields-form.js";
import { Tabs } from "./tabs.js";
import "../style/sight.css";

const forms = ["form", "json"] as const;

interface JsonAnswerProps {
  readonly answer: Answer;
  readonly picture: Picture | undefined;
  readonly text: ReactNode;
}

export function JsonAnswer({ answer, picture, text }: JsonAnswerProps) {
  const own = useSightWords();
  const [shown, show] = useState<(typeof forms)[number]>("form");
  if (!leavesOf(answer.text)) return text; // cut short
  return (
    <div className="json-answer">
      <Tabs label={own.value} names={forms} titles={own} chosen={shown} onChoose={show} />
      {shown === "form" ? <FieldsForm answer={answer} picture={picture} /> : text}
    </div>
  );
}
