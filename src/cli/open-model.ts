/** A model for the time of one command: opened with progress while it is packed, closed whatever happens. */
import { resolveModel } from "../hub/index.js";
import { type LoadOptions, loadModel, type VisionLanguageModel } from "../runtime/index.js";
import { loadOptions, type ModelFlags } from "./options.js";
import { describeBytes, startProgress } from "./progress.js";
import { printNotes, type Terminal } from "./terminal.js";

export async function withModel<T>(
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
    return await loadModel(await resolveModel(flags.model), {
      ...loadOptions(flags),
      graphThreads: true, // they open beside each other
      ...extra,
      signal: terminal.signal,
      onPackProgress: ({ doneBytes, totalBytes }) => progress.update(doneBytes, totalBytes),
    });
  } finally {
    progress.stop();
  }
}
