/**
 * The words of a model, which may be Markdown. They are never taken for HTML, and pictures in them are not fetched. While an answer
 * grows, only its last part is parsed again.
 */
import Markdown, { type MarkdownToJSX } from "markdown-to-jsx/react";
import { isValidElement, lazy, memo, type ReactNode, Suspense } from "react";
import { markdownParts } from "../markdown-parts.js";
import { displayMark, inlineMark, markMath } from "../math.js";

const CodeBlock = lazy(async () => ({ default: (await import("./code-block.js")).CodeBlock }));
const MathView = lazy(async () => ({ default: (await import("./math-view.js")).MathView }));

const options: MarkdownToJSX.Options = {
  disableParsingRawHTML: true,
  forceBlock: true,
  overrides: {
    pre: ({ children }: { children?: ReactNode }) => <Fenced>{children}</Fenced>,
    code: ({ children, className }: { children?: ReactNode; className?: string }) => (
      <CodeSpan className={className}>{children}</CodeSpan>
    ),
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
  return <Markdown options={options}>{markMath(text)}</Markdown>;
});

function CodeSpan({ children, className }: { children: ReactNode; className: string | undefined }) {
  const text = String(children ?? "");
  if (text.startsWith(inlineMark) || text.startsWith(displayMark)) {
    const tex = text.slice(1);
    return (
      <Suspense fallback={<code>{tex}</code>}>
        <MathView tex={tex} isDisplay={text.startsWith(displayMark)} />
      </Suspense>
    );
  }
  return <code className={className}>{children}</code>;
}

/** A block of code: what stands in it, and the language that the model named. */
function Fenced({ children }: { children: ReactNode }) {
  const plain = <pre>{children}</pre>;
  if (!isValidElement<{ className?: string; children?: ReactNode }>(children)) return plain;
  const { className = "", children: code } = children.props;
  const language = /(?:^| )lang(?:uage)?-(\S+)/.exec(className)?.[1] ?? "";
  if (typeof code !== "string") return plain;
  return (
    <Suspense fallback={plain}>
      <CodeBlock code={code} language={language} />
    </Suspense>
  );
}

/** While it is being written, JSON is not whole. */
function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}
