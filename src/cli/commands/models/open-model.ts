/** A model for the time of one command: opened with progress while it is packed, closed whatever happens. */
import { join } from "node:path";
import { cacheRoot } from "../../../core/fs/index.js";
import { type LoadOptions, loadModel, type VisionLanguageModel } from "../../../core/runtime/index.js";
import { type GuardedVisionLanguageModel, Guards } from "../../../guardrails/index.js";
import { resolveModel } from "../../../hub/index.js";
import { nearDuplicates } from "../../../near-duplicates/index.js";
import { loadOptions, type ModelFlags } from "../../options.js";
import { describeBytes, startProgress } from "../../ui/progress.js";
import { printNotes, type Terminal } from "../../ui/terminal.js";

/** Behind the guards of `--guards`: a command has no other way to a model. */
export async function withModel<T>(
  flags: ModelFlags,
  terminal: Terminal,
  body: (model: GuardedVisionLanguageModel) => Promise<T>,
  extra: LoadOptions = {},
): Promise<T> {
  return withGuards(flags, (guards) => withBareModel(flags, terminal, (model) => body(guards.whole(model)), extra));
}

/** The guards of `--guards` or OCELLUS_GUARDS; without either, none. */
export async function withGuards<T>(
  { guards: path = process.env.OCELLUS_GUARDS }: Pick<ModelFlags, "guards">,
  body: (guards: Guards) => Promise<T>,
): Promise<T> {
  const guards = await Guards.open(path === "" ? undefined : path, { memoryFolder: verdictsFolder() });
  try {
    return await body(guards);
  } finally {
    await guards.close();
  }
}

/** Where what guards found is kept over a restart. */
export function verdictsFolder(): string {
  return join(cacheRoot(), "verdicts");
}

/** For a server's model pool, which puts its models behind its own guards. */
export async function withBareModel<T>(
  flags: ModelFlags,
  terminal: Terminal,
  body: (model: VisionLanguageModel) => Promise<T>,
  extra: LoadOptions = {},
): Promise<T> {
  const model = await openModel(flags, terminal, extra);
  try {
    if (!flags.json) printNotes(terminal, model.info.notes);
    return await body(model);
  } finally {
    await model.close();
  }
}

/** The caller closes it. */
export async function openModel(
  flags: ModelFlags,
  terminal: Terminal,
  extra: LoadOptions = {},
): Promise<VisionLanguageModel> {
  const progress = startProgress(terminal, {
    label: "packing (first run only)",
    describe: describeBytes,
    silent: flags.json === true,
  });
  try {
    const draftModel = flags.draftModel === undefined ? undefined : await resolveModel(flags.draftModel);
    return await loadModel(await resolveModel(flags.model), {
      ...loadOptions(flags),
      ...(draftModel !== undefined && { draftModel }),
      memory: { nearDuplicates: nearDuplicates() }, // looks at nothing unless a request asks for it
      graphThreads: true, // they open beside each other
      ...extra,
      signal: terminal.signal,
      onPackProgress: ({ doneBytes, totalBytes }) => progress.update(doneBytes, totalBytes),
    });
  } finally {
    progress.stop();
  }
}
