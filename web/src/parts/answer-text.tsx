/**
 * The words of a model, which may be Markdown. They are never taken for HTML, and pictures in them are not fetched. While an answer
 * grows, only its last part is parsed again.
 */
import Markdown, { type MarkdownToJSX } from "markdown-to-jsx/react";
import { memo } from "react";
import { markdownParts } from "../markdown-parts.js";

const options: MarkdownToJSX.Options = {
  disableParsingRawHTML: true,
  forceBlock: true,
  overrides: {
    img: ({ alt }: { alt?: string }) => <span>{alt}</span>,
    a: { props: { target: "_blank", rel: "noreferrer noopener" } },
  },
};

interface AnswerTextProps {
  readonly text: string;
  readonly isJson: boolean;
  /** No more comes: then it is parsed in one piece, for links may name what stands at its end. */
  readonly isWhole: boolean;
}

export function AnswerText({ text, isJson, isWhole }: AnswerTextProps) {
  if (text === "") return null;
  if (isJson) return <pre className="json">{pretty(text)}</pre>;
  return (
    <div className="prose">
      {(isWhole ? [text] : markdownParts(text)).map((part, i) => (
        <Part key={i} text={part} />
      ))}
    </div>
  );
}

const Part = memo(function Part({ text }: { text: string }) {
  return <Markdown options={options}>{text}</Markdown>;
});

/** While it is being written, JSON is not whole. */
function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}
