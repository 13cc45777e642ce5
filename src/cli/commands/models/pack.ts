/** `ocellus pack CHECKPOINT`: makes the packed model ahead of the first question, or a copy of it in a folder of one's own. */
import { join } from "node:path";
import { Argument, type Command, Option } from "commander";
import { formatBytes, OcellusError } from "../../../core/base/index.js";
import { checkKvScales, packCalibrated, packKvScales } from "../../../core/calibrate/index.js";
import { fileDigest } from "../../../core/fs/index.js";
import {
  type PackingPlan,
  type PackOptions,
  type PackResult,
  pack,
  packedFiles,
  type Weights,
  webPlan,
} from "../../../core/pack/index.js";
import { type Adapter, type LoadOptions, openAdapter, packingPlan } from "../../../core/runtime/index.js";
import { resolveModel } from "../../../hub/index.js";
import {
  blockSizeOption,
  byteSize,
  embeddingWeightsOption,
  type GlobalFlags,
  kvCacheDtypeOption,
  type PackingFlags,
  packWeightsOption,
  prefillWeightsOption,
  visionWeightsOption,
  zeroPointsOption,
} from "../../options.js";
import { bundledModel } from "../../package-files.js";
import { describeBytes, formatSeconds, type ProgressState, startProgress } from "../../ui/progress.js";
import { coloursFor, printJson, printLine, printNotes, type Terminal } from "../../ui/terminal.js";
import { folderBytes } from "./folder-bytes.js";
import { type AutoFlags, choosePlan, confirmPlan, planText } from "./pack-auto.js";

interface PackFlags extends GlobalFlags, Omit<PackingFlags, "weights">, AutoFlags {
  readonly weights?: Weights | "auto";
  readonly into?: string;
  readonly for?: "web";
  readonly force?: boolean;
  readonly adapter?: string;
  /** True: on the bundled texts. */
  readonly calibrate?: string | true;
  readonly kvCacheDtype?: LoadOptions["kvCacheDtype"];
}

export function addPackCommand(program: Command, terminal: Terminal): void {
  program
    .command("pack")
    .description("convert a checkpoint to a packed model: ONNX graphs and quantized weights")
    .addArgument(
      new Argument("[checkpoint]", "folder with config.json and weights, or a downloaded owner/name").default(
        bundledModel,
        "bundled demo model",
      ),
    )
    .option("--into <folder>", "output folder (default: the cache)")
    .addOption(
      new Option(
        "--for <where>",
        "web: for browsers, in shards of at most 512 MiB with digests that pages check (docs/browser.md)",
      ).choices(["web"]),
    )
    .option("--adapter <folder>", "LoRA adapter (PEFT) to merge into the weights")
    .addOption(packWeightsOption())
    .addOption(blockSizeOption())
    .addOption(zeroPointsOption())
    .addOption(visionWeightsOption())
    .addOption(embeddingWeightsOption())
    .addOption(prefillWeightsOption())
    .addOption(
      kvCacheDtypeOption(
        "int8: also measure the scales of int8 keys and values, on the texts of --calibrate (default: auto, which measures none)",
      ),
    )
    .option("--budget <size>", "size limit of all weights for --weights auto, such as 6GB", byteSize)
    .option(
      "--calibration <file>",
      "questions to measure on, in the format of `ocellus eval` (default: the example images)",
    )
    .option(
      "--calibrate [folder]",
      "round 4-bit weights by the inputs that a folder of texts and images gives them (default: bundled neutral texts)",
    )
    .option("--dry-run", "print the plan of --weights auto and exit")
    .option("-y, --yes", "accept the plan of --weights auto without asking")
    .option("--force", "pack again, even if a packed model exists")
    .addHelpText(
      "after",
      "\nExample:\n  ocellus pack ./my-checkpoint --weights int4 --into ./my-model\n  ocellus pack ./my-checkpoint --weights int4 --calibrate ./my-texts-and-images --into ./my-model\n  ocellus pack ./my-checkpoint --weights auto --budget 6GB\n  ocellus pack ./my-checkpoint --adapter ./my-lora --into ./my-model\n  ocellus pack ./my-checkpoint --kv-cache-dtype int8\n  ocellus pack ./my-checkpoint --for web --into ./public/my-model",
    )
    .action((path: string, _local: unknown, command: Command) =>
      packCommand(path, command.optsWithGlobals(), terminal),
    );
}

async function packCommand(name: string, flags: PackFlags, terminal: Terminal): Promise<void> {
  const started = performance.now();
  if (flags.for === "web") refuseBesideWeb(flags);
  const path = await resolveModel(name);
  const auto = flags.weights === "auto" ? await autoPlanOf(path, flags, terminal) : undefined;
  if (auto && flags.dryRun) return flags.json ? printJson(terminal, auto) : printLine(terminal, planText(auto));
  if (auto) await confirmPlan(auto, flags, terminal);
  const plan = auto?.plan ?? (await fixedPlan(path, flags));
  const result = await withOpenAdapter(flags, (adapter) =>
    packWithProgress(path, plan, { ...flags, adapter }, terminal),
  );
  const bytes = await folderBytes(result.path);
  const seconds = (performance.now() - started) / 1000;
  const sha256 = flags.for === "web" ? { sha256: await fileDigest(join(result.path, packedFiles.manifest)) } : {};
  if (flags.json) return printJson(terminal, { ...result, bytes, seconds, ...sha256, ...(auto && { plan: auto }) });
  printNotes(terminal, result.notes);
  const how = result.written ? `packed in ${formatSeconds(seconds)}` : "already packed";
  terminal.stderr.write(`${coloursFor(terminal.stderr).dim(how)}\n`);
  printLine(terminal, `${result.path}  ${formatBytes(bytes)}`);
  if (sha256.sha256) printLine(terminal, `packed.json has SHA-256 ${sha256.sha256}`);
}

/** What pages cannot use, or what was measured on this machine for this machine. */
function refuseBesideWeb({ weights, kvCacheDtype }: PackFlags): void {
  const found = weights === "auto" ? "--weights auto" : kvCacheDtype === "int8" ? "--kv-cache-dtype int8" : undefined;
  if (found === undefined) return;
  throw new OcellusError("invalid_request", `pack: ${found} is not for models in browsers; leave it or --for web out`, {
    details: { param: found.slice(0, found.indexOf(" ")) },
  });
}

async function withOpenAdapter<T>({ adapter: folder }: PackFlags, use: (adapter?: Adapter) => Promise<T>): Promise<T> {
  if (folder === undefined) return use();
  const adapter = await openAdapter(folder);
  try {
    return await use(adapter);
  } finally {
    await adapter.close();
  }
}

async function autoPlanOf(path: string, flags: PackFlags, terminal: Terminal) {
  if (flags.adapter !== undefined)
    throw new OcellusError(
      "invalid_request",
      "pack: --weights auto measures the checkpoint without its adapter; name a format beside --adapter",
    );
  if (flags.blockSize !== undefined || flags.zeroPoints !== undefined)
    throw new OcellusError(
      "invalid_request",
      "pack: --weights auto chooses block sizes; leave out --block-size and --zero-points",
    );
  return choosePlan(path, flags, terminal);
}

async function fixedPlan(path: string, { budget, dryRun, ...flags }: PackFlags): Promise<PackingPlan> {
  const { weights, blockSize, zeroPoints, visionWeights, embeddingWeights, prefillWeights } = flags;
  const kind = weights === undefined || weights === "auto" ? {} : { weights };
  const choice = { ...kind, blockSize, zeroPoints, visionWeights, embeddingWeights, prefillWeights };
  if (budget === undefined && dryRun === undefined)
    return flags.for === "web" ? webPlan(choice) : packingPlan(path, choice);
  throw new OcellusError("invalid_request", "pack: --budget and --dry-run need --weights auto");
}

export async function packWithProgress(
  path: string,
  plan: PackingPlan,
  {
    into,
    force = false,
    calibrate,
    kvCacheDtype,
    json,
    adapter,
    for: target,
  }: Pick<PackFlags, "into" | "for" | "force" | "calibrate" | "kvCacheDtype" | "json"> & {
    readonly adapter?: Adapter | undefined;
  },
  terminal: Terminal,
): Promise<PackResult> {
  const silent = json === true;
  const progress = startProgress(terminal, { label: "packing", describe: describeBytes, silent });
  const calibrating = startProgress(terminal, { label: "calibrating", describe: describeHalves, silent });
  const measuring = startProgress(terminal, { label: "measuring keys and values", describe: describeTexts, silent });
  const options: PackOptions = {
    ...{ plan, force, forWeb: target === "web", signal: terminal.signal },
    ...(into !== undefined && { into }),
    ...(adapter && { adapter }),
    onProgress: ({ doneBytes, totalBytes }) => progress.update(doneBytes, totalBytes),
  };
  try {
    if (kvCacheDtype === "int8") await checkKvScales(path);
    const calibrateOn = calibrate === true ? undefined : calibrate;
    const onCalibrateProgress = (done: number, total: number) => {
      calibrating.update(done, total);
      if (done === total) calibrating.stop();
    };
    const packed = await (calibrate === undefined
      ? pack(path, options)
      : packCalibrated(path, { ...options, calibrateOn, onCalibrateProgress }));
    const onProgress = (done: number, total: number) => measuring.update(done, total);
    if (kvCacheDtype === "int8")
      await packKvScales(packed.path, { calibrateOn, force, signal: terminal.signal, onProgress });
    return packed;
  } finally {
    for (const each of [progress, calibrating, measuring]) each.stop();
  }
}

function describeHalves({ done, total, secondsLeft }: ProgressState): string {
  return `${done} of ${total} layer halves, ${formatSeconds(secondsLeft)} left`;
}

function describeTexts({ done, total, secondsLeft }: ProgressState): string {
  return `${done} of ${total} texts, ${formatSeconds(secondsLeft)} left`;
}
