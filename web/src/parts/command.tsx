import { CopyButton } from "./copy-button.js";

/** What to type in a terminal, and why. */
export function Command({ text, command }: { text?: string; command: string }) {
  return (
    <div className="command">
      {text && <p>{text}</p>}
      <div className="row spread">
        <code>{command}</code>
        <CopyButton text={command} />
      </div>
    </div>
  );
}
