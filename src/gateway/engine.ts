/**
 * An engine elsewhere, as far as a gateway is concerned: it is asked, answers with events, and can be probed. What is asked is known
 * here only by its messages, which decide where it goes.
 */
import type { ImageTraffic } from "../core/runtime/index.js";
import type { BackendConfig, Timeouts } from "./backends-file.js";

export interface RoutedRequest {
  readonly messages: readonly RoutedMessage[];
}

export interface RoutedMessage {
  readonly role: string;
  readonly content: string | readonly RoutedPart[];
}

export interface RoutedPart {
  readonly type: string;
  readonly text?: string;
  /** Of an image: equal ones are the same pixels, for the same model. */
  readonly uuid?: string;
}

export interface RoutedEngine<Q extends RoutedRequest, E> {
  /** Leaving the loop, or aborting the signal, ends it at the engine too. */
  chat(request: Q, signal?: AbortSignal): AsyncGenerator<E>;
  readonly imageTraffic: Readonly<ImageTraffic>;
  /** Ends what is open. */
  close(): Promise<void>;
}

/** @typeParam A what the engine has said of itself when it was opened */
export interface OpenedEngine<Q extends RoutedRequest, E, A> extends RoutedEngine<Q, E> {
  readonly about: A;
  /** Resolves when it can answer, as the model that it was opened as. @throws with the reason why not */
  probe(signal: AbortSignal): Promise<void>;
}

export type OpenEngine<Q extends RoutedRequest, E, A> = (
  config: BackendConfig,
  timeouts: Timeouts,
  signal: AbortSignal,
) => Promise<OpenedEngine<Q, E, A>>;
