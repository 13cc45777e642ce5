/** `ocellus rollout publish FOLDER --tag NAME`: a model's folder becomes an immutable version. */
import { Argument, type Command } from "commander";
import { formatBytes, OcellusError } from "../../../core/base/index.js";
import { readSideJson } from "../../../core/fs/index.js";
import { resolveModel } from "../../../hub/index.js";
import { manifestBytes, manifestDigest, type Registry, signManifest } from "../../../rollout/index.js";
import { bundledModel } from "../../package-files.js";
import { describeBytes, startProgress } from "../../ui/progress.js";
import { printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { actorOf, addJournalOptions, type RegistryFlags, readKey, withRegistry } from "./registry.js";

interface PublishFlags extends RegistryFlags {
  readonly tag: string;
  readonly parent?: string;
  readonly notes?: string;
  readonly sign?: string;
}

const examples = `
Examples:
  ocellus rollout publish ./qwen3-vl-8b --tag qwen3-vl-8b-v1.0.0
  ocellus rollout publish ./tuned --tag qwen3-vl-8b-v1.1.0 --parent qwen3-vl-8b-v1.0.0 --notes "more invoices" --sign key.pem
  ocellus rollout deploy prod qwen3-vl-8b-v1.0.0      clients then use the model "prod"`;

export function addPublishCommand(rollout: Command, terminal: Terminal): void {
  addJournalOptions(rollout.command("publish"))
    .description("store a checkpoint or packed model as a version")
    .addArgument(
      new Argument("[folder]", "checkpoint folder, packed model or name of a pulled checkpoint").default(
        bundledModel,
        "bundled demo model",
      ),
    )
    .requiredOption("--tag <name>", "permanent name of the version, such as qwen3-vl-8b-v1.1.0")
    .option("--parent <tag>", "version this one was made from")
    .option("--notes <text>", "release notes")
    .option("--sign <key.pem>", "Ed25519 key to sign the version with (see `ocellus rollout versions keygen`)")
    .addHelpText("after", examples)
    .action((folder: string, _local: unknown, command: Command) =>
      publish(folder, command.optsWithGlobals(), terminal),
    );
}

async function publish(name: string, flags: PublishFlags, terminal: Terminal): Promise<void> {
  const folder = await resolveModel(name);
  const { tag, parent, notes } = flags;
  const privateKey = flags.sign === undefined ? undefined : await readKey(flags.sign);
  const about = { ...(await describeFolder(folder)), tag, parent, notes, createdBy: actorOf() };
  const store = async (registry: Registry) => {
    const progress = startProgress(terminal, {
      label: `storing ${tag}`,
      describe: describeBytes,
      silent: flags.json === true,
    });
    const manifest = await registry
      .publish(folder, about, {
        signal: terminal.signal,
        onProgress: ({ doneBytes, totalBytes }) => progress.update(doneBytes, totalBytes),
        sign: privateKey === undefined ? undefined : (unsigned) => signManifest(unsigned, privateKey),
      })
      .finally(() => progress.stop());
    if (flags.json) return printJson(terminal, { digest: manifestDigest(manifest), manifest });
    const size = `${manifest.files.length} files, ${formatBytes(manifestBytes(manifest))}`;
    printLine(
      terminal,
      `published ${tag} (${manifest.family}, ${manifest.quantization}, ${size}) ${manifestDigest(manifest)}`,
    );
  };
  await withRegistry(flags, store, "make");
}

/** From the folder's own files. @throws `invalid_config` for anything but a model. */
async function describeFolder(folder: string): Promise<{ family: string; quantization: string }> {
  const packed = (await readSideJson(folder, "packed.json")) as { model_type?: string; weights?: string } | undefined;
  if (packed?.model_type) return { family: packed.model_type, quantization: packed.weights ?? "unknown" };
  const config = (await readSideJson(folder, "config.json")) as
    | { model_type?: string; torch_dtype?: string; dtype?: string; quantization_config?: { quant_method?: string } }
    | undefined;
  if (typeof config?.model_type !== "string")
    throw new OcellusError("invalid_config", `${folder}: expected a config.json with a model_type, or a packed model`);
  const { quantization_config, dtype, torch_dtype } = config;
  return {
    family: config.model_type,
    quantization: quantization_config?.quant_method ?? dtype ?? torch_dtype ?? "unknown",
  };
}
