/**
 * The settings of a server from flags, environment, a file and defaults, in this order; and `ocellus config`, which prints
 * them with where each came from. A setting is one line of a schema: its flag, variable and help follow from it.
 *   maxQueue ─ --max-queue ─ OCELLUS_MAX_QUEUE ─ {"maxQueue": 256}
 */
import { readFile } from "node:fs/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import { z } from "zod";
import { firstOf, ioError, lineOf, nearestHint, OcellusError, shorten } from "../../../core/base/index.js";
import { embeddingWeightsOptions, visionWeightsOptions, weightsOptions } from "../../../core/pack/index.js";
import { serverConfigSchema } from "../../../server/index.js";
import type { GlobalFlags } from "../../options.js";
import { modelInTheBox } from "../../package-files.js";
import { printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { textTable } from "../../ui/text-layout.js";

export const serveConfigSchema = z.strictObject({
  models: z
    .array(z.string().min(1))
    .min(1)
    .default([modelInTheBox])
    .describe("folder or owner/name; NAME=FOLDER names it, said again adds one (default: the model in the box)"),
  weights: z
    .array(z.enum(weightsOptions))
    .min(1)
    .default(["int4"])
    .describe(`format: ${weightsOptions.join(", ")}; of several, each model is served in all`),
  registry: z.string().optional().describe("serve what the aliases of this registry point at (see `ocellus publish`)"),
  databaseUrl: z.string().optional().describe("postgres://… in place of the registry's own SQLite file"),
  keepWarmMs: z
    .number()
    .int()
    .min(0)
    .default(15 * 60_000)
    .describe("that a version stays loaded after the last alias has left it"),
  memoryBytes: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe("that versions may take together, as estimated (default: what is free here)"),
  golden: z
    .array(z.string())
    .default([])
    .describe("golden sets (folders or .jsonl files) whose questions both versions are asked while a canary is judged"),
  webhookUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("told of every decision about an alias, signed with the secret in OCELLUS_WEBHOOK_SECRET"),
  trustedKeys: z.array(z.string()).default([]).describe("public keys; only versions signed by one of them are loaded"),
  embeddingModel: z.string().optional().describe("a CLIP checkpoint for /v1/embeddings"),
  blockSize: z
    .union([z.literal(32), z.literal(64), z.literal(128)])
    .optional()
    .describe("columns that share a scale"),
  vision: z
    .enum(visionWeightsOptions)
    .default("int8")
    .describe(`what the eye keeps in a 4-bit model: ${visionWeightsOptions.join(", ")}`),
  table: z
    .enum(embeddingWeightsOptions)
    .default("int8")
    .describe(`what the token table and the head keep in a 4-bit model: ${embeddingWeightsOptions.join(", ")}`),
  device: z.enum(["auto", "cpu", "webgpu", "cuda"]).default("auto").describe("where to run: auto, cpu, webgpu, cuda"),
  threads: z.number().int().min(1).max(1024).optional().describe("of one operator (default: all cores)"),
  imageThreads: z.number().int().min(1).max(64).default(1).describe("that decode and fit pictures"),
  maxSequences: z.number().int().min(1).max(1024).default(8).describe("answers of one model that are written at once"),
  maxLength: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe("tokens of a prompt and its answer (default: the model's own)"),
  encoderCacheBytes: z
    .number()
    .int()
    .min(0)
    .default(256 * 2 ** 20)
    .describe("of encoded pictures in memory; 0 keeps none"),
  pinnedBytes: z
    .number()
    .int()
    .min(0)
    .default(64 * 2 ** 20)
    .describe("of encoded pictures of pinned files (/v1/files with pin=true), beside these"),
  encoderCacheFolder: z.string().optional().describe("where encoded pictures outlive the server (default: nowhere)"),
  encoderCacheFolderBytes: z
    .number()
    .int()
    .min(0)
    .default(4 * 2 ** 30)
    .describe("of that folder"),
  prefixCacheBytes: z
    .number()
    .int()
    .min(0)
    .default(256 * 2 ** 20)
    .describe("of beginnings of prompts that are not read again, for each model; 0 keeps none"),
  nearDuplicateBytes: z
    .number()
    .int()
    .min(0)
    .default(64 * 2 ** 20)
    .describe("of what pictures look like, for each model; kept for near reuse only"),
  reuse: z
    .enum(["exact", "near"])
    .default("exact")
    .describe("near: re-encoded, resized or slightly cropped pictures may be taken for known ones (default: exact)"),
  ...serverConfigSchema.shape,
  guards: z.string().optional().describe("policy of the guards at the models' doors"),
  keysFile: z.string().optional().describe("API keys, written by `ocellus keys`"),
  adminKeysFile: z
    .string()
    .optional()
    .describe("keys that may change versions over /admin/v1 (default: one for this run, printed on a terminal)"),
  auth: z.boolean().default(true).describe("let anybody who can reach the port ask, without a key"),
  stallMs: z
    .number()
    .int()
    .min(1000)
    .default(60_000) // far longer than any piece of honest work; each deadline and health check waits meanwhile
    .describe("that the event loop may be blocked; then the process ends, to be started again"),
  logLevel: z
    .enum(["debug", "info", "warn", "error", "silent"])
    .default("info")
    .describe("on stderr: debug, info, warn, error, silent"),
  logFormat: z.enum(["json", "text"]).optional().describe("json or text (default: text on a terminal)"),
});

export type ServeConfig = z.infer<typeof serveConfigSchema>;
type Name = keyof ServeConfig;

/** Where a value came from, in words. */
export type Origins = Readonly<Record<Name, string>>;

const names = Object.keys(serveConfigSchema.shape) as Name[];

export function addConfigOptions(command: Command): Command {
  command.option("--config <file>", "JSON file with any of these settings by name (or OCELLUS_CONFIG)");
  for (const name of names) command.addOption(optionFor(name));
  return command;
}

export function addConfigCommand(program: Command, terminal: Terminal): void {
  addConfigOptions(program.command("config"))
    .description("print the settings that `serve` would use with the same flags, and where each comes from")
    .addHelpText(
      "after",
      "\nExample:\n  ocellus config --port 9000 --json > ocellus.json && ocellus serve --config ocellus.json",
    )
    .action((_local: unknown, command: Command) => printConfig(command, terminal));
}

async function printConfig(command: Command, terminal: Terminal): Promise<void> {
  const { config, origins } = await readConfig(command, process.env);
  if (command.optsWithGlobals<GlobalFlags>().json) return printJson(terminal, config);
  const rows = names.map((name) => [name, JSON.stringify(config[name]) ?? "-", origins[name]]);
  printLine(terminal, textTable(rows, ["left", "left", "left"]));
}

/** @throws `invalid_request` naming the setting and where its value came from; `not_found`, `io` for the file. */
export async function readConfig(
  command: Command,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<{ config: ServeConfig; origins: Origins }> {
  const file = command.opts<{ config?: string }>().config ?? environment.OCELLUS_CONFIG;
  const fromFile = file === undefined ? {} : await readConfigFile(file);
  const values: Record<string, unknown> = {};
  const origins: Record<string, string> = {};
  for (const name of names) {
    const variable = variableOf(name);
    const text = environment[variable];
    const [value, origin] =
      command.getOptionValueSource(attributeOf(name)) === "cli"
        ? [command.getOptionValue(attributeOf(name)), `--${flagOf(name)}`]
        : text !== undefined && text !== ""
          ? [parseSetting(name, text, variable), variable]
          : name in fromFile
            ? [fromFile[name], file!]
            : [undefined, "default"];
    if (value !== undefined) values[name] = value;
    origins[name] = origin;
  }
  const result = serveConfigSchema.safeParse(values);
  if (result.success) return { config: result.data, origins: origins as Origins };
  const { path, message } = result.error.issues[0]!;
  throw new OcellusError("invalid_request", `${path.join(".")} (from ${origins[String(path[0])]}): ${message}`);
}

async function readConfigFile(path: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw ioError("read the settings", path, cause);
  });
  const json = parseObject(text, path);
  const unknown = Object.keys(json).filter((name) => !(names as string[]).includes(name));
  if (unknown.length === 0) return json;
  const problems = unknown.map((name) => `there is no setting ${shorten(name)}${nearestHint(name, names)}`);
  throw new OcellusError("invalid_request", `${path}:${lineOf(text, [unknown[0]!])}: ${firstOf(problems)}`);
}

function parseObject(text: string, path: string): Readonly<Record<string, unknown>> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  } catch (cause) {
    throw new OcellusError("invalid_request", `${path}: expected a JSON object of settings`, { cause });
  }
}

/** `models` is the only list whose flag is said once for each entry. */
function optionFor(name: Name): Option {
  const kind = kindOf(name);
  const { description = "" } = serveConfigSchema.shape[name].meta() ?? {};
  if (kind === "boolean") return new Option(`--${flagOf(name)}`, description);
  const option = new Option(
    `--${flagOf(name)} <${name === "models" ? "folder" : kind}>`,
    description + defaultText(name),
  );
  return option.argParser((text: string, before: unknown) => {
    const value = parseSetting(name, text, undefined);
    return name === "models" && Array.isArray(before) ? [...before, ...(value as string[])] : value;
  });
}

function defaultText(name: Name): string {
  const value = serveConfigSchema.shape[name].safeParse(undefined).data;
  if (name === "models" || value === undefined || (Array.isArray(value) && value.length === 0)) return "";
  const isBytes = name.endsWith("Bytes") && typeof value === "number";
  const isTime = name.endsWith("Ms") && typeof value === "number";
  return ` (default: ${isBytes ? `${value / 2 ** 20}m` : isTime ? `${value / 1000}s` : value})`;
}

/** maxQueue → max-queue; models is --model, and auth, which is on by itself, --no-auth. */
function flagOf(name: Name): string {
  if (name === "models") return "model";
  return (name === "auth" ? "no-" : "") + name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** What commander calls it. */
function attributeOf(name: Name): string {
  return name === "models" ? "model" : name;
}

function variableOf(name: Name): string {
  return `OCELLUS_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

type Kind = "boolean" | "bytes" | "time" | "number" | "list" | "text";

function kindOf(name: Name): Kind {
  if (name.endsWith("Bytes")) return "bytes";
  if (name.endsWith("Ms")) return "time";
  const { type, anyOf } = z.toJSONSchema(serveConfigSchema.shape[name], { io: "input" });
  if (type === "array") return "list";
  if (type === "boolean") return "boolean";
  return type === "integer" || anyOf ? "number" : "text";
}

const units: Readonly<Record<string, number>> = {
  ...{ "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 },
  ...{ ms: 1, s: 1000, min: 60_000 },
};

/** A value as it is written on a command line or in the environment. The schema checks it afterwards. */
function parseSetting(name: Name, text: string, variable: string | undefined): unknown {
  const kind = kindOf(name);
  if (kind === "text") return text;
  if (kind === "list") return text.split(",").map((part) => part.trim());
  if (kind === "boolean" && /^(true|1|false|0)$/.test(text)) return text === "true" || text === "1";
  const [, digits, unit] = /^(\d+)(k|m|g|ms|s|min|)$/.exec(text.toLowerCase()) ?? [];
  const isUnit =
    unit === "" || (kind === "bytes" && /^[kmg]$/.test(unit ?? "")) || (kind === "time" && /s|min/.test(unit ?? ""));
  if (digits !== undefined && isUnit && kind !== "boolean") return Number(digits) * units[unit!]!;
  const expected = {
    boolean: "true or false",
    bytes: "bytes such as 64m",
    time: "a time such as 30s",
    number: "a whole number",
  }[kind];
  if (variable === undefined) throw new InvalidArgumentError(`Expected ${expected}.`);
  throw new OcellusError("invalid_request", `${variable}: expected ${expected}, found ${JSON.stringify(text)}`);
}
