/**
 * The words of a model, which may be Markdown. They are never taken for HTML, and pictures in them are not fetched. While an answer
 * grows, only its last part is parsed again.
 */
import { lazy, memo, Suspense } from "react";
import { markdownParts } from "../markdown-parts.js";

const MarkdownView = lazy(async () => ({ default: (await import("./markdown-view.js")).MarkdownView }));

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
      <Suspense fallback={<p className="plain">{text}</p>}>
        {(isWhole ? [text] : markdownParts(text)).map((part, i) => (
          <Part key={i} text={part} />
        ))}
      </Suspense>
    </div>
  );
}

const Part = memo(function Part({ text }: { text: string }) {
  return <MarkdownView text={text} />;
});

/** While it is being written, JSON is not whole. */
function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}
