/** Code in an answer: its language, coloured by kind of word, and a button that copies it. Loaded with the first block. */

import { useMemo } from "react";
import { type ParsedLine, parse } from "sugar-high/core";
import { lang, languages } from "sugar-high/lang";
import { CopyButton } from "./copy-button.js";
import "../style/code.css";

/** More is shown without colours. */
const maxCharacters = 50_000;

export function CodeBlock({ code, language }: { code: string; language: string }) {
  const lines = useMemo(() => linesOf(code, language), [code, language]);
  return (
    <div className="code-block">
      <header>
        <span>{language}</span>
        <CopyButton text={code} />
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre tabIndex={0}>
        <code>{lines ? lines.map((line) => <Line key={line.index} line={line} />) : code}</code>
      </pre>
    </div>
  );
}

function linesOf(code: string, language: string): readonly ParsedLine[] | undefined {
  const id = lang(language.toLowerCase());
  if (id === undefined || code.length > maxCharacters) return undefined;
  return parse(code, languages.find((each) => each.id === id)?.config).lines;
}

function Line({ line: { tokens } }: { line: ParsedLine }) {
  return (
    <>
      {tokens.map(({ type, value }, i) => (
        <span key={i} className={`code-${type}`}>
          {value}
        </span>
      ))}
      {"\n"}
    </>
  );
}
