/** Folders whose weights are no model of ours, although they can be opened: an adapter alone, a part of a pipeline. */
import { OcellusError, shorten } from "../base/index.js";
import { type Checkpoint, foreignFolder, namesIn } from "../checkpoint/index.js";
import { joinPath } from "../fs/index.js";

/** Before a checkpoint is run. @throws `unsupported` for weights of no model, `not_found` without a config.json. */
export async function refuseForeignFolder(checkpoint: Checkpoint): Promise<void> {
  const { path, files } = checkpoint;
  const hasConfig = (await checkpoint.readJson("config.json")) !== undefined;
  if (hasConfig && !files.every(({ name }) => name.startsWith("adapter_model."))) return;
  const kind = foreignFolder(await namesIn(path));
  if (kind === undefined && hasConfig) return;
  if (kind === undefined) {
    const message = `${joinPath(path, "config.json")} is missing: it says what the weights beside it are; take the original one`;
    throw new OcellusError("not_found", message, { details: { path } });
  }
  const { base_model_name_or_path: base } = ((await checkpoint.readJson("adapter_config.json")) ?? {}) as {
    base_model_name_or_path?: unknown;
  };
  const isBased = kind.format === "adapter" && typeof base === "string";
  throw new OcellusError("unsupported", `${path} is ${kind.description}${isBased ? `, ${shorten(base)}` : ""}`, {
    details: { path, format: kind.format, ...(isBased && { base: shorten(base) }) },
  });
}
