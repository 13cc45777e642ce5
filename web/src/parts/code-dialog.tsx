/** The same question as a program. */
import { useEffect, useRef, useState } from "react";
import { type Answer, chatRequest, type Turn } from "../conversation.js";
import { Icon } from "../icons.js";
import { serverNameOf } from "../in-browser/names.js";
import { usePreferences } from "../preferences.js";
import { fileScheme, snippet, snippetLanguages } from "../snippets.js";
import { useWords } from "../words.js";
import { CopyButton } from "./copy-button.js";
import { Tabs } from "./tabs.js";

interface CodeDialogProps {
  readonly answer: Answer;
  readonly turns: readonly Turn[];
  readonly onClose: () => void;
}

export function CodeDialog({ answer, turns, onClose }: CodeDialogProps) {
  const words = useWords();
  const { key } = usePreferences();
  const [language, setLanguage] = useState<(typeof snippetLanguages)[number]>("curl");
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const settings = { ...answer.settings, probabilities: false };
  const request = chatRequest(turns, { ...answer, settings, model: serverNameOf(answer.model) }, nameAsFile);
  const code = snippet(language, { request, baseUrl: new URL("v1", document.baseURI).href, needsKey: key !== "" });
  return (
    <dialog ref={dialog} className="code-dialog" aria-labelledby="code-title" onClose={onClose}>
      <header>
        <h2 id="code-title">{words.codeTitle}</h2>
        <button type="button" className="quiet" aria-label={words.close} onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </header>
      <div className="row spread">
        <Tabs label={words.code} names={snippetLanguages} chosen={language} onChoose={setLanguage} />
        <CopyButton text={code} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre tabIndex={0}>{code}</pre>
      <p className="aside">{words.codeNote}</p>
    </dialog>
  );
}

function nameAsFile({ name }: { name: string }): string {
  return `${fileScheme}${name}`;
}
