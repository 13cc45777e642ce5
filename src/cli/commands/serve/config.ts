/**
 * The settings of a server from flags, environment, a file and defaults, in this order; and `serve --print-config`, which
 * prints them with the origin of each. One line of settings.ts gives all three names:
 *   maxQueue ─ --max-queue ─ OCELLUS_MAX_QUEUE ─ {"maxQueue": 256}
 */
import { readFile } from "node:fs/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import { z } from "zod";
import { firstOf, ioError, lineOf, nearestHint, OcellusError, shorten } from "../../../core/base/index.js";
import type { GlobalFlags } from "../../options.js";
import { printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { textTable } from "../../ui/text-layout.js";
import { type SettingName as Name, type ServeConfig, serveConfigSchema, settingGroups } from "./settings.js";

/** Where a value came from, in words. */
export type Origins = Readonly<Record<Name, string>>;

const names = Object.values(settingGroups).flat();

export function addConfigOptions(command: Command): Command {
  for (const [group, members] of Object.entries(settingGroups)) {
    command.optionsGroup(`${group}:`);
    for (const name of members) command.addOption(optionFor(name));
  }
  return command
    .optionsGroup("Configuration:")
    .option("--config <file>", "JSON file with any of these settings by name (or OCELLUS_CONFIG)")
    .option("--print-config", "print the settings in force and the origin of each, then exit");
}

export async function printConfig(command: Command, terminal: Terminal): Promise<void> {
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
