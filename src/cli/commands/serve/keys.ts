/** `ocellus keys add|list|rm`: the file of API keys. A secret is shown once, when it is made; the file holds its digest. */
import type { Command } from "commander";
import { nearestHint, OcellusError } from "../../../core/base/index.js";
import { pathExists, writeFileAtomically } from "../../../core/fs/index.js";
import { type ApiKey, createKey, keyFileText, readKeys } from "../../../server/index.js";
import { type GlobalFlags, integerBetween } from "../../options.js";
import { printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { textTable } from "../../ui/text-layout.js";

interface KeysFlags extends GlobalFlags {
  readonly keysFile?: string;
  readonly requestsPerMinute?: number;
  readonly maxConcurrent?: number;
}

export function addKeysCommand(program: Command, terminal: Terminal): void {
  const keys = program
    .command("keys")
    .description("make, list and remove API keys for `ocellus serve --keys-file`")
    .option("--keys-file <file>", "where they are (or OCELLUS_KEYS_FILE)")
    .addHelpText("after", "\nExample:\n  ocellus keys add alice --keys-file keys.json --requests-per-minute 60");
  const run =
    (action: (name: string, flags: KeysFlags, terminal: Terminal) => Promise<void>) =>
    (name: string, _local: unknown, command: Command) =>
      action(name, command.optsWithGlobals(), terminal);
  keys
    .command("add")
    .description("make a key and print its secret, this once")
    .argument("<name>", "who uses it; uploads and limits belong to the name")
    .option("--requests-per-minute <number>", "limit of this key", integerBetween(1, 1_000_000))
    .option("--max-concurrent <number>", "answers of this key at once", integerBetween(1, 1024))
    .action(run(add));
  keys
    .command("list")
    .description("list the keys")
    .action((_local: unknown, command: Command) => list(command.optsWithGlobals(), terminal));
  keys
    .command("rm")
    .description("remove a name's keys; a running server refuses them within seconds")
    .argument("<name>", "as `ocellus keys list` shows it")
    .action(run(remove));
}

async function add(name: string, flags: KeysFlags, terminal: Terminal): Promise<void> {
  const { requestsPerMinute, maxConcurrent } = flags;
  const path = keysFile(flags);
  const { secret, key } = createKey(name, {
    ...(requestsPerMinute !== undefined && { requestsPerMinute }),
    ...(maxConcurrent !== undefined && { maxConcurrent }),
  });
  await writeFileAtomically(path, keyFileText([...(await knownKeys(path)), key]));
  if (flags.json) return printJson(terminal, { name, secret });
  printLine(terminal, secret);
  terminal.stderr.write(`note: this is the only time it is shown; ${path} holds its digest\n`);
}

async function list(flags: KeysFlags, terminal: Terminal): Promise<void> {
  const keys = await knownKeys(keysFile(flags));
  if (flags.json) return printJson(terminal, { keys });
  const limits = ({ requestsPerMinute, maxConcurrent }: ApiKey) =>
    [requestsPerMinute && `${requestsPerMinute} a minute`, maxConcurrent && `${maxConcurrent} at once`]
      .filter(Boolean)
      .join(", ");
  const rows = keys.map((key) => [key.name, key.created.slice(0, 10), limits(key), key.sha256.slice(0, 12)]);
  printLine(
    terminal,
    rows.length > 0 ? textTable(rows, ["left"]) : "no keys yet; make one with: ocellus keys add NAME",
  );
}

async function remove(name: string, flags: KeysFlags, terminal: Terminal): Promise<void> {
  const path = keysFile(flags);
  const keys = await knownKeys(path);
  const kept = keys.filter((key) => key.name !== name);
  if (kept.length === keys.length) {
    const hint = nearestHint(name, new Set(keys.map((key) => key.name)));
    throw new OcellusError("not_found", `keys rm: ${path} has no key of ${name}${hint}`);
  }
  await writeFileAtomically(path, keyFileText(kept));
  const removed = keys.length - kept.length;
  if (flags.json) return printJson(terminal, { name, removed });
  printLine(terminal, `removed ${removed} of ${name}`);
}

/** None before the first. */
async function knownKeys(path: string): Promise<readonly ApiKey[]> {
  return (await pathExists(path)) ? readKeys(path) : [];
}

function keysFile({ keysFile: path = process.env.OCELLUS_KEYS_FILE }: KeysFlags): string {
  if (path !== undefined && path !== "") return path;
  throw new OcellusError("invalid_request", "keys: expected the key file: --keys-file FILE, or OCELLUS_KEYS_FILE");
}
