/** `ocellus match PICTURE "TEXT"`: whether a text, or a label of a classifier, belongs to a picture, how surely, and why. */

import type { Command } from "commander";
import { printable } from "../../../core/base/index.js";
import type { ImageInput } from "../../../core/runtime/index.js";
import {
  type LabelMatch,
  type Match,
  type MatchOptions,
  matchByAnswer,
  matchByCosine,
  matchByLabel,
} from "../../../retrieval/index.js";
import { addModelOptions, type ModelFlags, numberBetween, weightsOption } from "../../options.js";
import { printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { type EitherModel, withClassifier, withEitherModel } from "../models/open-embedder.js";
import { printAnswerNotes } from "./answer.js";
import { readImages } from "./images.js";

interface MatchFlags extends ModelFlags {
  readonly threshold?: number;
}

export function addMatchCommand(program: Command, terminal: Terminal): void {
  addModelOptions(program.command("match"))
    .description(
      "score how well a text matches an image, by a model's yes or no, a CLIP cosine, or a classifier's label",
    )
    .argument("<image>", "path, URL or - for stdin")
    .argument("<text>", "text to compare with the image; of a classifier, one of its labels")
    .option(
      "--threshold <score>",
      "minimum score that counts as a match (default: 0.5; 0.25 for a CLIP cosine)",
      numberBetween(-1, 1),
    )
    .addOption(weightsOption())
    .addHelpText(
      "after",
      '\nExample:\n  ocellus match dress.jpg "a red dotted dress" --threshold 0.9 --json | jq .matches',
    )
    .action((name: string, text: string, _local: unknown, command: Command) =>
      match(name, text, command.optsWithGlobals(), terminal),
    );
}

async function match(name: string, text: string, flags: MatchFlags, terminal: Terminal): Promise<void> {
  const [image] = await readImages([name], terminal);
  const { threshold, json } = flags;
  const options = { signal: terminal.signal, ...(threshold !== undefined && { threshold }) };
  const found: Match | LabelMatch =
    (await withClassifier(flags, terminal, (classifier) => matchByLabel(classifier, image!, text, options))) ??
    (await withEitherModel(flags, terminal, (opened) => matchWith(opened, image!, text, options)));
  if (json) return printJson(terminal, { text, ...found });
  printLine(terminal, `${found.matches ? "matches" : "does not match"}: ${printable(found.reason)}`);
  printAnswerNotes(terminal, found);
}

function matchWith({ kind, model }: EitherModel, ...asked: [ImageInput, string, MatchOptions]): Promise<Match> {
  return kind === "clip" ? matchByCosine(model, ...asked) : matchByAnswer(model, ...asked);
}
