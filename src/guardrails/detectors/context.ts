/** What a detector is opened with beside its part of the policy. */
import type { LanguageModel } from "../../core/runtime/index.js";
import type { ImageTexts } from "../image-texts.js";

export interface OpenContext {
  /** Of the policy: paths in it begin there. */
  readonly folder: string;
  /** Of the guard. */
  readonly name: string;
  /** A loaded model, past the door: the one of this name, or the first. */
  readonly model: (name: string | undefined) => LanguageModel | undefined;
  readonly imageTexts: ImageTexts;
}
