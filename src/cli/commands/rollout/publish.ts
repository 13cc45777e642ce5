/**
 * `ocellus rollout publish FOLDER --tag NAME`: a model's folder becomes an immutable version. With `--remote URL` the version is an
 * engine elsewhere: what it can do is found by asking it, and what it reports of itself is what it must be from then on.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Argument, type Command, Option } from "commander";
import { formatBytes, OcellusError, shorten } from "../../../core/base/index.js";
import { readSideJson } from "../../../core/fs/index.js";
import {
  type EngineDescription,
  type EngineKind,
  engineFile,
  engineKinds,
  type Finding,
  probeEngine,
  readDescription,
} from "../../../engines/index.js";
import { resolveModel } from "../../../hub/index.js";
import { manifestBytes, manifestDigest, type Registry, signManifest } from "../../../rollout/index.js";
import { integerBetween } from "../../options.js";
import { bundledModel } from "../../package-files.js";
import { describeBytes, startProgress } from "../../ui/progress.js";
import { printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { actorOf, addJournalOptions, type RegistryFlags, readKey, withRegistry } from "./registry.js";

interface PublishFlags extends RegistryFlags {
  readonly tag: string;
  readonly parent?: string;
  readonly notes?: string;
  readonly sign?: string;
  readonly remote?: string;
  readonly model?: string;
  readonly kind?: EngineKind;
  readonly apiKeyEnv?: string;
  readonly maxLength?: number;
  readonly maxSequences?: number;
  readonly maxPixels?: number;
}

const examples = `
Examples:
  ocellus rollout publish ./qwen3-vl-8b --tag qwen3-vl-8b-v1.0.0
  ocellus rollout publish ./tuned --tag qwen3-vl-8b-v1.1.0 --parent qwen3-vl-8b-v1.0.0 --notes "more invoices" --sign key.pem
  ocellus rollout publish --remote http://gpu:8000 --model Qwen/Qwen3-VL-32B-Instruct --tag qwen3-vl-32b-v1.0.0
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
    .option(
      "--remote <url>",
      "engine elsewhere that runs the version: vLLM, SGLang, llama-server, any OpenAI-compatible server",
    )
    .option("--model <name>", "model of --remote, by the engine's own name")
    .addOption(new Option("--kind <kind>", "kind of --remote (default: detected)").choices(engineKinds))
    .option(
      "--api-key-env <variable>",
      "variable with the API key of --remote: OCELLUS_ENGINE_KEY or OCELLUS_ENGINE_KEY_NAME",
    )
    .option(
      "--max-length <tokens>",
      "context limit of --remote (default: as reported, else 32768)",
      integerBetween(1, 2 ** 30),
    )
    .option(
      "--max-sequences <n>",
      "requests sent to --remote at once (default: its slots, else 64)",
      integerBetween(1, 100_000),
    )
    .option(
      "--max-pixels <n>",
      "area that images for --remote are scaled down to (default: 4194304)",
      integerBetween(1, 2 ** 24),
    )
    .addHelpText("after", examples)
    .action((folder: string, _local: unknown, command: Command) => {
      const flags: PublishFlags = command.optsWithGlobals();
      if (flags.remote === undefined) return publish(folder, checkedLocal(flags), terminal);
      if (command.args.length > 0) throw conflicting("[folder]");
      return publishRemote(flags, flags.remote, terminal);
    });
}

const remoteOnly = ["model", "kind", "apiKeyEnv", "maxLength", "maxSequences", "maxPixels"] as const;

/** @throws `invalid_request` for what only an engine elsewhere has */
function checkedLocal(flags: PublishFlags): PublishFlags {
  const found = remoteOnly.find((name) => flags[name] !== undefined);
  if (found === undefined) return flags;
  const flag = `--${found.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new OcellusError("invalid_request", `${flag}: expected together with --remote URL`, { details: { flag } });
}

function conflicting(found: string): OcellusError {
  return new OcellusError("invalid_request", `${found}: expected either a folder or --remote URL, found both`, {
    details: { flag: "--remote" },
  });
}

async function publishRemote(flags: PublishFlags, url: string, terminal: Terminal): Promise<void> {
  const { model, json, kind, apiKeyEnv, maxLength, maxSequences, maxPixels } = flags;
  if (model === undefined)
    throw new OcellusError("invalid_request", "--model: expected the engine's name for the model, with --remote", {
      details: { flag: "--model" },
    });
  const options = {
    url,
    model,
    kind,
    maxLength,
    maxSequences,
    maxPixels,
    ...(apiKeyEnv !== undefined && { apiKeyEnv }),
  };
  const { description, findings } = await probeEngine(options, terminal.signal);
  if (!json) for (const line of findingLines(description, findings)) printLine(terminal, line);
  const folder = await mkdtemp(join(tmpdir(), "ocellus-engine-"));
  try {
    await writeFile(join(folder, engineFile), `${JSON.stringify(description, undefined, 2)}\n`);
    await publish(folder, flags, terminal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function findingLines({ kind, reported, maxLength, maxSequences }: EngineDescription, findings: readonly Finding[]) {
  const facts = Object.entries(reported).map(([name, value]) => `${name} ${value}`);
  const can = findings.filter((found) => found.can).map(({ what }) => what);
  const missing = findings.filter((found) => !found.can && found.what !== "thinking");
  return [
    `${kind} reports ${facts.join(", ")}`,
    `found: ${can.join(", ") || "text only"}; context ${maxLength} tokens, ${maxSequences} requests at once`,
    ...missing.map(({ what, reason }) => `missing: ${what}${reason === undefined ? "" : ` (${shorten(reason, 200)})`}`),
  ];
}

async function publish(name: string, flags: PublishFlags, terminal: Terminal): Promise<void> {
  const folder = flags.remote === undefined ? await resolveModel(name) : name;
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
  const remote = await readDescription(folder);
  if (remote) return { family: remote.model.slice(0, 128), quantization: remote.kind };
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
