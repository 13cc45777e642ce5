/** Of a chosen model that runs in this browser: what that means, how far its download is, where it runs. */
import type { ReactNode } from "react";
import type { WireModel } from "../../../src/protocol/index.js";
import { threadsHere } from "../browser-model.js";
import { ProblemView } from "../parts/problem-view.js";
import { bytesText } from "../quantities.js";
import { useWords } from "../words.js";
import { type HostState, host, storedOf, useHost, useStored } from "./host.js";
import { serverNameOf } from "./names.js";
import { type BrowserWords, useBrowserWords } from "./words.js";
import "./in-browser.css";

export function BrowserPanel({ model: { id, ocellus } }: { model: WireModel }) {
  const words = useBrowserWords();
  const state = useHost(id);
  const open = () => void host.open(id).catch(() => {}); // the state says why
  return (
    <section className="in-browser" aria-label={words.title}>
      {state.is === "ready" ? (
        <Row text={words.ready(placeOf(state, words))}>
          <button type="button" className="action" onClick={() => void host.close(id)}>
            {words.closeButton}
          </button>
        </Row>
      ) : state.is === "opening" ? (
        <>
          <Progress state={state} />
          <CancelButton id={id} />
        </>
      ) : (
        <Closed key={state.is} id={id} bytes={ocellus.browser_bytes ?? 0} state={state} onOpen={open} />
      )}
    </section>
  );
}

function Row({ text, children }: { text: string; children: ReactNode }) {
  return (
    <>
      <p role="status">{text}</p>
      {children}
    </>
  );
}

interface ClosedProps {
  readonly id: string;
  /** Of its files. */
  readonly bytes: number;
  readonly state: HostState;
  readonly onOpen: () => void;
}

/** Not open: never, no longer, or not for want of something. */
function Closed({ id, bytes, state, onOpen }: ClosedProps) {
  const words = useBrowserWords();
  const { stored } = useStored(`${id} ${state.is}`);
  const own = stored && storedOf(stored, id);
  const free = stored?.freeBytes;
  const isFull = !own && free !== undefined && free < bytes;
  const meaning = own?.isWhole ? words.meaningStored : words.meaning;
  return (
    <>
      <p>{meaning(serverNameOf(id), bytesText(bytes), likelyPlace(words))}</p>
      {state.is === "failed" && <ProblemView problem={state.problem} />}
      {isFull ? (
        <p className="wrong" role="alert">
          {words.noRoom(bytesText(bytes), bytesText(free))}
        </p>
      ) : (
        <button type="button" className="soft" onClick={onOpen}>
          {own?.isWhole ? words.openButton : own ? words.resumeButton : words.downloadButton}
        </button>
      )}
    </>
  );
}

/** How far a model is on its way. */
export function Progress({ state }: { state: Extract<HostState, { is: "opening" }> }) {
  const words = useBrowserWords();
  const { doneBytes = 0, totalBytes = 0, isWaiting = false } = state.progress ?? {};
  const isFetching = doneBytes < totalBytes;
  const text = isWaiting
    ? words.waiting
    : isFetching
      ? words.fetching(bytesText(doneBytes), bytesText(totalBytes))
      : words.opening;
  return (
    <div className="fetching">
      <p>{text}</p>
      <progress aria-label={words.title} {...(isFetching && { value: doneBytes, max: totalBytes })} />
    </div>
  );
}

export function CancelButton({ id }: { id: string }) {
  const words = useWords();
  return (
    <button type="button" className="soft" onClick={() => host.cancel(id)}>
      {words.cancel}
    </button>
  );
}

function likelyPlace(words: BrowserWords): string {
  const threads = words.threads(threadsHere());
  return "gpu" in navigator ? words.maybeWebGpu(threads) : words.wasmOnly(threads);
}

function placeOf({ model }: Extract<HostState, { is: "ready" }>, words: BrowserWords): string {
  const { device = "cpu" } = model.info;
  const name = words.runsOn[device] ?? device;
  return device === "cpu" ? `${name}, ${words.threads(model.threads)}` : name;
}
