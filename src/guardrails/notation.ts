/** A way to read a text. */
export interface Notation {
  /** Global; what may stand for something else. */
  readonly pattern: RegExp;
  /** What a match of it means: itself, where it means nothing else. */
  readonly meaning: (sign: string) => string;
  /** Where in a text what may become a match begins; its length for nowhere. */
  readonly open: (text: string) => number;
  /** A match that is read whole or not at all: cut in the middle, its rest means nothing else. */
  readonly isRun: (sign: string) => boolean;
}
