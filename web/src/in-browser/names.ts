/**
 * Models that this page runs itself (docs/browser.md), as far as the first load has to know them: each stands in lists behind the server's
 * model of which it is a copy. The rest of this folder is loaded when one is chosen.
 */
import type { WireModel } from "../../../src/protocol/index.js";

const prefix = "in-browser:";

export function isInBrowser(id: string): boolean {
  return id.startsWith(prefix);
}

/** The server's name of a model, here or there. */
export function serverNameOf(id: string): string {
  return isInBrowser(id) ? id.slice(prefix.length) : id;
}

/** What a person calls it. */
export function modelTitle(id: string, words: { readonly inBrowser: (name: string) => string }): string {
  return isInBrowser(id) ? words.inBrowser(serverNameOf(id)) : id;
}

/** Each model, and behind it the same one in this browser where the server gives its files. */
export function withBrowserModels(models: readonly WireModel[]): WireModel[] {
  return models.flatMap((model) => {
    const { videos: _, ...facts } = model.ocellus; // the server reads them
    const isOffered = facts.browser_bytes !== undefined && facts.kind === "chat";
    return isOffered ? [model, { ...model, id: prefix + model.id, ocellus: { ...facts, device: "browser" } }] : [model];
  });
}

/** The chosen model, or the first while it is not here: but never a server's where one in this browser was chosen. */
export function chosenOf(models: readonly WireModel[], chosen: string): WireModel | undefined {
  const found = models.find(({ id }) => id === chosen);
  return found ?? (isInBrowser(chosen) ? undefined : models.find(({ id }) => !isInBrowser(id)));
}

/** Where an answer was computed that did not come from the server. */
export interface Here {
  readonly device: string;
  /** Of WebAssembly. */
  readonly threads: number;
  /** Context in tokens. */
  readonly maxLength: number;
}

/** What a browser lacks that all models need. */
export type Obstacle = "insecure" | "simd";

/** A module whose one function has a vector as its value: valid where there is SIMD. Of the WebAssembly specification, section 5. */
const withVector = Uint8Array.from([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

/** Undefined: models run here, as far as that is known before one is opened. */
export function obstacleHere(): Obstacle | undefined {
  if (!isSecureContext) return "insecure"; // no storage for models, and no digests
  return typeof WebAssembly === "object" && WebAssembly.validate(withVector) ? undefined : "simd";
}

let numAnswers = 0;

/** Whether an answer is being written here: as long, the page asks the server for nothing. */
export function isAnsweringHere(): boolean {
  return numAnswers > 0;
}

/** @returns ends it. */
export function beginAnswerHere(): () => void {
  numAnswers++;
  return () => {
    numAnswers--;
  };
}
