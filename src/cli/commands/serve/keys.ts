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
  readonly requestsPerDay?: number;
  readonly maxConcurrent?: number;
}

export function addKeysCommand(program: Command, terminal: Terminal): void {
  const keys = program
    .command("keys")
    .description("create, list and remove API keys for `ocellus serve --keys-file`")
    .option("--keys-file <file>", "key file (or OCELLUS_KEYS_FILE)")
    .addHelpText("after", "\nExample:\n  ocellus keys add alice --keys-file keys.json --requests-per-minute 60");
  const run =
    (action: (name: string, flags: KeysFlags, terminal: Terminal) => Promise<void>) =>
    (name: string, _local: unknown, command: Command) =>
      action(name, command.optsWithGlobals(), terminal);
  keys
    .command("add")
    .description("create a key and print its secret once")
    .argument("<name>", "owner of the key; uploads and limits are per name")
    .option("--requests-per-minute <number>", "request rate limit of this key", integerBetween(1, 1_000_000))
    .option("--requests-per-day <number>", "request quota of this key", integerBetween(1, 1_000_000_000))
    .option("--max-concurrent <number>", "concurrent requests of this key", integerBetween(1, 1024))
    .action(run(add));
  keys
    .command("list")
    .description("list the keys")
    .action((_local: unknown, command: Command) => list(command.optsWithGlobals(), terminal));
  keys
    .command("rm")
    .description("remove the keys of a name; a running server rejects them within seconds")
    .argument("<name>", "name shown by `ocellus keys list`")
    .action(run(remove));
}

async function add(name: string, flags: KeysFlags, terminal: Terminal): Promise<void> {
  const { requestsPerMinute, requestsPerDay, maxConcurrent } = flags;
  const path = keysFile(flags);
  const { secret, key } = createKey(name, {
    ...(requestsPerMinute !== undefined && { requestsPerMinute }),
    ...(requestsPerDay !== undefined && { requestsPerDay }),
    ...(maxConcurrent !== undefined && { maxConcurrent }),
  });
  await writeFileAtomically(path, keyFileText([...(await knownKeys(path)), key]));
  if (flags.json) return printJson(terminal, { name, secret });
  printLine(terminal, secret);
  terminal.stderr.write(`note: this secret is not shown again; ${path} stores its digest only\n`);
}

async function list(flags: KeysFlags, terminal: Terminal): Promise<void> {
  const keys = await knownKeys(keysFile(flags));
  if (flags.json) return printJson(terminal, { keys });
  const limits = ({ requestsPerMinute, requestsPerDay, maxConcurrent }: ApiKey) =>
    [
      requestsPerMinute && `${requestsPerMinute} a minute`,
      requestsPerDay && `${requestsPerDay} a day`,
      maxConcurrent && `${maxConcurrent} at once`,
    ]
      .filter(Boolean)
      .join(", ");
  const rows = keys.map((key) => [key.name, key.created.slice(0, 10), limits(key), key.sha256.slice(0, 12)]);
  printLine(
    terminal,
    rows.length > 0 ? textTable(rows, ["left"]) : "no keys yet; create one with: ocellus keys add NAME",
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
