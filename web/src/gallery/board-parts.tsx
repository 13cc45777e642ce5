/** Parts of the page in all their states, each set on a sheet of its own. */
import { type ReactNode, useRef, useState } from "react";
import type { Source } from "../citing/cited.js";
import type { Answer, Problem } from "../conversation.js";
import { AnswerView } from "../parts/answer-view.js";
import { Composer } from "../parts/composer.js";
import { ConfirmDialog } from "../parts/confirm-dialog.js";
import { ErrorBoundary } from "../parts/error-boundary.js";
import { ProblemView } from "../parts/problem-view.js";
import { QuestionView } from "../parts/question-view.js";
import { ServerNotice } from "../parts/server-notice.js";
import { TokenView } from "../parts/token-view.js";
import { PreferencesContext, plainSettings, usePreferences, usePreferencesState } from "../preferences.js";
import { ServerContext, type ServerState } from "../server-state.js";
import { usePictures } from "../use-pictures.js";
import { useWords } from "../words.js";
import { models } from "./data.js";
import { answer, asked, citedPages, logprobsOf, pictures, stats, talkTexts } from "./talk.js";

const here: ServerState = { health: "ok", models };

/** What parts need around them, on one sheet that scrolls with the document. */
function Parts({ children }: { children: ReactNode }) {
  return (
    <PreferencesContext value={usePreferencesState()}>
      <ServerContext value={here}>
        <main className="gallery-parts">
          <h1 className="unseen" lang="en">
            Parts
          </h1>
          {children}
        </main>
      </ServerContext>
    </PreferencesContext>
  );
}

export const parts = (Content: () => ReactNode) => () => (
  <Parts>
    <Content />
  </Parts>
);

export function AnswerStates() {
  const { markdown, short, thought, cut } = talkTexts(usePreferences().language);
  const json = { ...plainSettings, format: "json_object" } as const;
  const states: readonly Answer[] = [
    answer("waiting", { state: "waiting" }),
    answer("writing", { state: "writing", text: cut }),
    answer("done", { text: markdown, logprobs: logprobsOf(markdown, 30) }),
    answer("thinking", { text: short, reasoning: thought, stats }),
    answer("stopped", { state: "stopped", text: cut }),
    answer("cut", { text: cut, finish: "length" }),
    answer("json", { text: '{"thing": "boat", "count": 1}', settings: json }),
    answer("others", { text: short, others: [answer("other", { askedMs: 0, text: short })] }),
    answer("cited", { text: `${short} [1][2]`, cited: citedPages }),
    answer("cited none", { text: short, cited: { ...citedPages, pages: [] } }),
    answer("here", {
      ...{ text: short, stats, usage: { prompt_tokens: 300, completion_tokens: 9, total_tokens: 309 } as never },
      ...{ model: "in-browser:qwen3-vl-2b", here: { device: "cpu", threads: 4, maxLength: 4096 } },
    }),
    answer("failed", { state: "failed", problem: problemOf("context_length_exceeded", 400) }),
  ];
  const nothing = () => {};
  return states.map((each) => (
    <AnswerView key={each.id} answer={each} turnsBefore={() => []} onRetry={nothing} onChoose={nothing} />
  ));
}

function problemOf(code: string | null, status: number): Problem {
  const message = "max_tokens: expected at most 4096, found 9000; ask for fewer, or leave it out";
  return { message, status, requestId: status > 0 ? "req_0000gallery" : null, code };
}

export function Tokens() {
  const { markdown } = talkTexts(usePreferences().language);
  return <TokenView logprobs={logprobsOf(markdown, 240)} />;
}

export function Questions() {
  const { question } = talkTexts(usePreferences().language);
  return (
    <>
      <QuestionView question={asked("one", question, pictures.slice(0, 1))} onEdit={() => {}} />
      <QuestionView question={asked("more", question, pictures)} onEdit={() => {}} />
      <QuestionView question={asked("edited", question)} onEdit={() => {}} />
    </>
  );
}

export function Composers() {
  const field = useRef<HTMLTextAreaElement>(null);
  const none = { source: undefined, onSource: () => {} };
  const common = { draft: usePictures(), field, onSend: () => {}, onStop: () => {} };
  const [source, onSource] = useState<Source | undefined>({ collection: "shop-2026", pages: 3 });
  return (
    <>
      <Composer {...common} {...none} isFirst isWriting={false} isReady />
      <Composer {...common} {...{ source, onSource }} isFirst={false} isWriting isReady />
      <Composer {...common} {...none} isFirst={false} isWriting={false} isReady={false} />
    </>
  );
}

const problems: readonly [code: string | null, status: number][] = [
  ...[["invalid_request", 400] as const, ["invalid_image", 400] as const, ["unsupported", 400] as const],
  ...[["content_filter", 400] as const, ["unauthorized", 401] as const, ["not_found", 404] as const],
  ...[["too_large", 413] as const, ["context_length_exceeded", 400] as const, ["overloaded", 429] as const],
  ...[["unavailable", 503] as const, ["timeout", 504] as const, ["internal", 500] as const],
  ...[["unreachable", 0] as const, ["broken", 0] as const, ["picture_lost", 0] as const, ["bad_schema", 0] as const],
  ...[["no_room_here", 0] as const, ["not_opened", 0] as const, ["failed_here", 0] as const],
  [null, 0],
].map(([code, status]) => [code as string | null, status as number]);

export function Notices() {
  const states = ["loading", "draining", "unreachable", "locked"] as const;
  return states.map((health) => (
    <ServerContext key={health} value={{ health, models: [] }}>
      <ServerNotice />
    </ServerContext>
  ));
}

function Failing(): ReactNode {
  throw new Error("a room of the gallery failed on purpose");
}

export function Failed() {
  return (
    <ErrorBoundary again={useWords().retry}>
      <Failing />
    </ErrorBoundary>
  );
}

export function Confirming() {
  const words = useWords();
  const [isOpen, setOpen] = useState(true);
  const close = () => setOpen(false);
  return isOpen && <ConfirmDialog title={words.send} text={words.privacy} onConfirm={close} onClose={close} />;
}

export function Problems() {
  return problems.map(([code, status]) => <ProblemView key={code} problem={problemOf(code, status)} />);
}
