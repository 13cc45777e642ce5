/** Markdown as React, loaded with the first answer that is shown. Nothing is taken for HTML, and pictures are not fetched. */
import Markdown, { type MarkdownToJSX } from "markdown-to-jsx/react";
import { isValidElement, lazy, type ReactNode, Suspense, useContext } from "react";
import { CitedContext } from "../citing/context.js";
import { markedNumber, markNumbers, withoutMarks } from "../citing/numbers.js";
import { PageNumber } from "../citing/page-number.js";
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

export function MarkdownView({ text }: { text: string }) {
  const { pages } = useContext(CitedContext);
  return <Markdown options={options}>{markNumbers(markMath(text), (number) => pages.has(number))}</Markdown>;
}

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
  const number = markedNumber(text);
  return number === undefined ? <code className={className}>{children}</code> : <PageNumber number={number} />;
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
      <CodeBlock code={withoutMarks(code)} language={language} />
    </Suspense>
  );
}
