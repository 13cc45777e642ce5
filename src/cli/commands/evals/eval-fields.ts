/**
 * `ocellus eval --fields`: the questions asked for JSON, and whether each answer is right as often as its confidence says; with
 * `--calibrate`, the temperatures that bring it there are written beside the checkpoint.
 */
import { join } from "node:path";
import { groupBy, OcellusError } from "../../../core/base/index.js";
import { readSideJson, writeFileAtomically } from "../../../core/fs/index.js";
import { type ConfidenceFile, calibratedProbability, collect, confidenceFile } from "../../../core/runtime/index.js";
import {
  type EvalCase,
  evalTokens,
  fieldSchemas,
  fitTemperature,
  halves,
  isCorrect,
  type JudgedField,
  mapConcurrently,
  messagesOf,
  type Reliability,
  reliabilityOf,
} from "../../../evals/index.js";
import type { GuardedVisionLanguageModel } from "../../../guardrails/index.js";
import { resolveModel } from "../../../hub/index.js";
import { describeQuestions, startProgress } from "../../ui/progress.js";
import { printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { textTable } from "../../ui/text-layout.js";

interface FieldFlags {
  readonly model: string;
  readonly parallel: number;
  readonly calibrate?: boolean;
  readonly json?: boolean;
}

/** Fewer answers of a kind say nothing of its temperature. */
const fewestAnswers = 100;
/** Of right and of wrong ones among those that it is fitted to: where all are one, the best temperature is at the end of its range. */
const fewestOfEach = 10;

interface KindReport {
  readonly kind: string;
  readonly reliability: Reliability;
  /** Of the half that the temperature was not fitted to. */
  readonly calibrated?: {
    readonly temperature: number;
    readonly answers: number;
    readonly before: Reliability;
    readonly after: Reliability;
  };
}

export async function evaluateFields(
  model: GuardedVisionLanguageModel,
  cases: readonly EvalCase[],
  flags: FieldFlags,
  terminal: Terminal,
): Promise<void> {
  const schemas = fieldSchemas(cases);
  if (schemas.size === 0)
    throw new OcellusError("invalid_request", "eval: --fields needs questions with one answer, of kinds with several");
  const judged = await askFields(model, schemas, flags, terminal);
  const kinds = groupBy(judged, ({ kind }) => kind).map(([kind, fields]) => reportOf(kind, fields, flags));
  const written = flags.calibrate ? await writeTemperatures(kinds, flags) : undefined;
  if (flags.json)
    return printJson(terminal, { model: flags.model, weights: model.info.weights, kinds, ...(written && { written }) });
  printLine(terminal, kinds.map(kindText).join("\n\n"));
  if (written !== undefined) printLine(terminal, `\n${written}`);
}

async function askFields(
  model: GuardedVisionLanguageModel,
  schemas: ReadonlyMap<EvalCase, object>,
  { parallel, json }: FieldFlags,
  terminal: Terminal,
): Promise<JudgedField[]> {
  const progress = startProgress(terminal, { label: "fields", describe: describeQuestions, silent: json === true });
  let done = 0;
  try {
    const judged = await mapConcurrently([...schemas], parallel, async ([found, schema]) => {
      const field = await askField(model, found, schema, terminal.signal);
      progress.update(++done, schemas.size);
      return field;
    });
    return judged.flat();
  } finally {
    progress.stop();
  }
}

/** None where the answer did not come to its end. */
async function askField(
  model: GuardedVisionLanguageModel,
  found: EvalCase,
  schema: object,
  signal: AbortSignal,
): Promise<JudgedField[]> {
  const options = { maxTokens: evalTokens, sampling: { temperature: 0 }, signal, fields: true } as const;
  const asked = { ...options, responseFormat: { type: "json_schema", schema } } as const;
  const { text, fields } = await collect(model.generate(await model.prepare(messagesOf(found), asked)));
  const field = fields?.[""];
  if (!field) return [];
  return [{ kind: field.kind, probability: field.probability, correct: isCorrect(String(JSON.parse(text)), found) }];
}

export function reportOf(
  kind: string,
  fields: readonly JudgedField[],
  { calibrate }: Pick<FieldFlags, "calibrate">,
): KindReport {
  const reliability = reliabilityOf(fields);
  const [fit, judge] = halves(fields);
  const numRight = fit.filter(({ correct }) => correct).length;
  const saysMuch = fields.length >= fewestAnswers && Math.min(numRight, fit.length - numRight) >= fewestOfEach;
  if (!calibrate || !saysMuch) return { kind, reliability };
  const temperature = Math.round(fitTemperature(fit) * 1000) / 1000;
  const after = judge.map((each) => ({ ...each, probability: calibratedProbability(each.probability, temperature) }));
  return {
    ...{ kind, reliability },
    calibrated: { temperature, answers: fit.length, before: reliabilityOf(judge), after: reliabilityOf(after) },
  };
}

async function writeTemperatures(kinds: readonly KindReport[], { model }: FieldFlags): Promise<string> {
  const fitted = kinds.flatMap(({ kind, calibrated }) => (calibrated ? [[kind, calibrated] as const] : []));
  const most = Math.max(0, ...kinds.map(({ reliability }) => reliability.fields));
  if (fitted.length === 0)
    throw new OcellusError(
      "invalid_request",
      `eval: --calibrate needs ${fewestAnswers} answers of a kind, right ones and wrong ones among them, found ${most}`,
      { details: { least: fewestAnswers, leastOfEach: fewestOfEach, found: most } },
    );
  const folder = await resolveModel(model);
  const file = fittedFile((await readSideJson(folder, confidenceFile)) as ConfidenceFile | undefined, fitted);
  const path = join(folder, confidenceFile);
  await writeFileAtomically(path, `${JSON.stringify(file, null, 1)}\n`);
  return path;
}

/** What was fitted before to other kinds stays. */
export function fittedFile(
  before: ConfidenceFile | undefined,
  fitted: readonly (readonly [string, { readonly temperature: number; readonly answers: number }])[],
): ConfidenceFile {
  const { temperatures = {}, answers = {} } = before ?? {};
  // The fields that were judged had gone through the temperature before: one divides by both.
  const both = fitted.map(([kind, { temperature }]) => [
    kind,
    temperature * (temperatures[kind as keyof typeof temperatures] ?? 1),
  ]);
  return {
    version: 1,
    temperatures: { ...temperatures, ...Object.fromEntries(both) },
    answers: { ...answers, ...Object.fromEntries(fitted.map(([kind, of]) => [kind, of.answers])) },
  };
}

function kindText({ kind, reliability, calibrated }: KindReport): string {
  const rows = reliability.bins.map((bin) => [
    `${bin.from.toFixed(1)}–${bin.to.toFixed(1)}`,
    String(bin.fields),
    bin.probability.toFixed(3),
    bin.accuracy.toFixed(3),
  ]);
  const { fields, accuracy, calibrationError } = reliability;
  const head = `${kind}: ${fields} fields, ${(accuracy * 100).toFixed(1)} % right, calibration error ${calibrationError.toFixed(3)}`;
  const table = textTable([["confidence", "fields", "mean", "right"], ...rows], ["left", "right", "right", "right"]);
  if (!calibrated) return `${head}\n${table}`;
  const { temperature, before, after } = calibrated;
  const gain = `temperature ${temperature}: calibration error ${before.calibrationError.toFixed(3)} → ${after.calibrationError.toFixed(3)} on the ${after.fields} fields that it was not fitted to`;
  return `${head}\n${table}\n${gain}`;
}
