/**
 * What the large picture beside a conversation shows: which picture, the part that is marked in it, places that answers name, and
 * where the model looked. One store for a conversation, for what stands in the text and what stands on the picture light each other.
 */
import { createContext, useContext, useSyncExternalStore } from "react";
import type { Box, Region } from "./region.js";

/** A box or a point on a picture. */
export interface Place {
  readonly id: string;
  readonly label: string;
  readonly box: Box;
  readonly isPoint: boolean;
  /** The model is not sure of what stands there. */
  readonly isDoubtful?: boolean;
}

/** A line of text on a picture. */
export interface TextLine {
  readonly id: string;
  readonly text: string;
  readonly box: Box;
  /** Its corners, clockwise, as shares of the picture's width and height. */
  readonly corners: readonly (readonly [x: number, y: number])[];
}

/** A map over a picture, of shares of its largest value. */
export interface HeatMap {
  readonly rows: number;
  readonly columns: number;
  /** 0 to 255 */
  readonly values: Uint8Array;
  /** Where the picture stands in the map, counted in its cells; the rest is padding. */
  readonly area: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
}

export interface SightState {
  /** Absent: the newest one. */
  readonly pictureId?: string | undefined;
  readonly region?: Region | undefined;
  /** The part is being cut out: a question waits for it. */
  readonly cutting?: Promise<void> | undefined;
  readonly places?: readonly Place[] | undefined;
  /** The answer that names them. */
  readonly placesOf?: string | undefined;
  readonly heat?: HeatMap | undefined;
  /** The answer that was written while the model looked so. */
  readonly heatOf?: string | undefined;
  /** The answer of which it is to be shown: one at a time. */
  readonly lookingAt?: string | undefined;
  /** Lines of text that were read in it. */
  readonly lines?: { readonly pictureId: string; readonly lines: readonly TextLine[] } | undefined;
  /** The place that is pointed at, here or there. */
  readonly litId?: string | undefined;
}

export class Sight {
  #state: SightState = {};
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly state = (): SightState => this.#state;

  change(part: Partial<SightState>): void {
    this.#state = { ...this.#state, ...part };
    for (const listener of this.#listeners) listener();
  }
}

/** Absent where there is no large picture: in panels. */
export const SightContext = createContext<Sight | undefined>(undefined);

export function useSight(): Sight | undefined {
  return useContext(SightContext);
}

const nothing: SightState = {};

/** What of it one part looks at: others do not make it render. */
export function useSightState<T>(choose: (state: SightState) => T): T {
  const sight = useSight();
  return useSyncExternalStore(sight?.subscribe ?? noSubscription, () => choose(sight?.state() ?? nothing));
}

function noSubscription(): () => void {
  return () => {};
}
