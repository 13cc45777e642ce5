/** `ocellus rollout versions …`: list, verify, compare, export, import and remove versions. */
import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { formatBytes, OcellusError } from "../../../core/base/index.js";
import { diffCheckpoints } from "../../../inspect/index.js";
import {
  checkSignature,
  createSigningKeys,
  manifestBytes,
  type Registry,
  type RegistryOptions,
  removeVersion,
  versionOf,
} from "../../../rollout/index.js";
import { diffText } from "../../ui/diff-text.js";
import { withProgress, withReadProgress } from "../../ui/pass-progress.js";
import { coloursFor, printJson, printLine, type Terminal } from "../../ui/terminal.js";
import {
  actorOf,
  addJournalOptions,
  historyText,
  type RegistryFlags,
  readKey,
  versionsTable,
  withRegistry,
} from "./registry.js";

interface VersionsFlags extends RegistryFlags {
  readonly tag?: string;
  readonly now?: boolean;
  readonly trustedKeys?: readonly string[];
  /** True: only from the registry's own files. */
  readonly repair?: true | readonly string[];
}

type Action = (registry: Registry, args: readonly string[], flags: VersionsFlags, terminal: Terminal) => Promise<void>;

export function addVersionsCommand(rollout: Command, terminal: Terminal): void {
  const versions = addJournalOptions(rollout.command("versions"))
    .description("list, verify, compare, export and remove versions")
    .helpCommand(false);
  /** `name <a> <b>`: the last two things that commander gives an action are its options and itself. */
  const add = (usage: string, description: string, action: Action, ifMissing?: RegistryOptions["ifMissing"]) =>
    versions
      .command(usage)
      .description(description)
      .action((...given: unknown[]) => {
        const command = given.at(-1) as Command;
        const flags = command.optsWithGlobals<VersionsFlags>();
        const args = given.slice(0, -2) as string[];
        return withRegistry(flags, (registry) => action(registry, args, flags, terminal), ifMissing);
      });
  add("list", "list all versions and the aliases that use them", list);
  add("show <tag>", "print a version's manifest", show);
  add("verify <tag>", "read every byte of a version and compare digests", verify)
    .option("--trusted-keys <public.pem...>", "public keys to check the signature against")
    .option(
      "--repair [folder...]",
      "replace damaged files with good copies from these folders, or from other versions",
    );
  add("diff <a> <b>", "compare two versions, tensor by tensor", diff);
  add("history", "list every change, oldest first", history);
  add("rm <tag>", "remove an unused version; its tag cannot be used again", remove);
  add("gc", "delete files that no version uses", collect).option(
    "--now",
    "include files stored within the last hour; do not run it during a publish",
  );
  add("export <tag> <folder>", "write a version as an OCI image layout (ModelPack)", exportVersion);
  add("import <folder>", "import a version from an OCI image layout", importVersion, "make").option(
    "--tag <name>",
    "tag to import from a layout with several",
  );
  versions
    .command("keygen")
    .description("create an Ed25519 key pair for signing versions")
    .argument("<name>", "file name: NAME.pem is the secret key, NAME.pub.pem is for servers")
    .action((name: string) => keygen(name, terminal));
}

const list: Action = async ({ state }, _args, flags, terminal) => {
  if (!flags.json) return printLine(terminal, versionsTable(state));
  const versions = [...state.versions.values()].map(({ digest, manifest }) => {
    const comparison = state.comparisons.get(manifest.tag);
    return { digest, ...manifest, ...(comparison && { comparison }) };
  });
  printJson(terminal, { versions, aliases: [...state.aliases.values()] });
};

const show: Action = async ({ state }, [tag], _flags, terminal) => {
  const { digest, manifest } = versionOf(state, tag!);
  printJson(terminal, { digest, ...manifest });
};

const verify: Action = async (registry, [tag], flags, terminal) => {
  const { manifest } = versionOf(registry.state, tag!);
  const total = manifestBytes(manifest);
  const reading = <T>(label: string, body: (copy: Copying) => Promise<T>) =>
    withReadProgress(terminal, label, total, (onBytes) => body({ signal: terminal.signal, onBytes }), flags);
  const sources = flags.repair === true ? [] : flags.repair;
  const repaired = sources
    ? await reading(`repairing ${tag}`, (copy) => registry.repair(tag!, sources, copy))
    : undefined;
  if (!flags.json) for (const line of repaired ?? []) printLine(terminal, line);
  const problems = await reading(`reading ${tag}`, (copy) => registry.verify(tag!, copy));
  if (flags.trustedKeys) {
    const problem = checkSignature(manifest, await Promise.all(flags.trustedKeys.map(readKey)));
    if (problem !== undefined) problems.push(problem);
  }
  if (problems.length > 0) throw damaged(tag!, problems, repaired);
  if (flags.json) printJson(terminal, { tag, ok: true, bytes: total, ...(repaired && { repaired }) });
  else printLine(terminal, `${tag}: all ${manifest.files.length} files are intact (${formatBytes(total)})`);
};

interface Copying {
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number) => void;
}

function damaged(tag: string, problems: readonly string[], repaired?: readonly string[]): OcellusError {
  const advice = `\`ocellus rollout versions verify ${tag} --repair FOLDER\` replaces them from a folder with good copies`;
  return new OcellusError("invalid_file", `${tag} is damaged: ${problems.join("; ")}; ${advice}`, {
    details: { tag, problems, ...(repaired && { repaired }) },
  });
}

const diff: Action = async (registry, [a, b], flags, terminal) => {
  const folders = [await registry.folderOf(a!), await registry.folderOf(b!)] as const;
  const found = await withProgress(terminal, "comparing", flags, (pass) => diffCheckpoints(...folders, pass));
  if (flags.json) printJson(terminal, found);
  else printLine(terminal, diffText(found, coloursFor(terminal.stdout)));
};

const history: Action = async (registry, _args, flags, terminal) => {
  const entries = await registry.history();
  if (flags.json) printJson(terminal, entries);
  else printLine(terminal, historyText(entries) || "no changes yet");
};

const remove: Action = async (registry, [tag], flags, terminal) => {
  await registry.run(actorOf(), removeVersion(tag!));
  if (flags.json) printJson(terminal, { removed: tag });
  else printLine(terminal, `removed ${tag}; \`ocellus rollout versions gc\` frees its files`);
};

const collect: Action = async (registry, _args, flags, terminal) => {
  const freedBytes = await registry.collectGarbage(flags.now ? 0 : undefined);
  if (flags.json) printJson(terminal, { freedBytes });
  else printLine(terminal, `${formatBytes(freedBytes)} freed`);
};

const exportVersion: Action = async (registry, [tag, folder], flags, terminal) => {
  await registry.export(tag!, folder!);
  if (flags.json) printJson(terminal, { tag, folder });
  else printLine(terminal, `exported ${tag} to ${folder} as an OCI image layout`);
};

const importVersion: Action = async (registry, [folder], flags, terminal) => {
  const { tag } = await registry.import(folder!, actorOf(), flags.tag, { signal: terminal.signal });
  if (flags.json) printJson(terminal, { tag });
  else printLine(terminal, `imported ${tag}`);
};

async function keygen(name: string, terminal: Terminal): Promise<void> {
  const { privateKey, publicKey } = createSigningKeys();
  await writeFile(`${name}.pem`, privateKey, { mode: 0o600, flag: "wx" });
  await writeFile(`${name}.pub.pem`, publicKey, { flag: "wx" });
  printLine(terminal, `${name}.pem is the secret key; ${name}.pub.pem is the public key for serve --trusted-keys`);
}
