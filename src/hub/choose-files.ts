/**
 * Which files of a repository make a checkpoint that we can open: the same names that the checkpoint room looks for
 * (its side files, and one format of weights). Everything else stays on the hub unless a pattern asks for it.
 */
import { globMatcher, OcellusError } from "../core/base/index.js";
import { foreignFolder, isLookalike } from "../core/checkpoint/index.js";
import type { RemoteFile } from "./remote-files.js";

export interface ChosenFiles {
  readonly files: readonly RemoteFile[];
  readonly leftOut: readonly RemoteFile[];
}

/** Not the index of shards that are left on the hub. */
const sideFile = /(?<!\.index)\.json$|\.(jinja|txt|model)$/;

/**
 * `include`: glob patterns of further files (`*` within a folder, `**` over folders, `?`).
 * @throws `unsupported` when there are no safetensors and no PyTorch weights.
 */
export function chooseFiles(repo: string, all: readonly RemoteFile[], include: readonly string[] = []): ChosenFiles {
  const top = all.filter(({ path }) => !path.includes("/"));
  const weights = chooseWeights(top.map(({ path }) => path));
  if (weights.length === 0) throw noWeights(repo, all);
  const wanted = new Set([...weights, ...top.map(({ path }) => path).filter((path) => sideFile.test(path))]);
  const isIncluded = include.map((glob) => globMatcher(glob));
  const isChosen = ({ path }: RemoteFile) =>
    !isOurs(path) && (wanted.has(path) || isIncluded.some((matches) => matches(path)));
  const files = all.filter(isChosen);
  refuseTwins(repo, files);
  return { files, leftOut: all.filter((file) => !isChosen(file)) };
}

/** In the checkpoint room's order of preference. `consolidated` files hold the same weights under other names. */
function chooseWeights(names: readonly string[]): string[] {
  const ofFormat = [
    ["model.safetensors", /\.safetensors$/],
    ["pytorch_model.bin", /\.bin$/],
    ["pytorch_model.bin", /\.(pt|pth)$/],
  ] as const;
  for (const [whole, pattern] of ofFormat) {
    const weights = names.filter((name) => pattern.test(name) && !isLookalike(name));
    if (weights.includes(whole)) return [whole];
    const index = `${whole}.index.json`;
    if (weights.length > 0 && names.includes(index))
      return [index, ...weights.filter((name) => !/^consolidated/.test(name))];
    if (weights.length > 0) return weights;
  }
  return [];
}

/** Names that mean something to us in a pulled folder. */
function isOurs(path: string): boolean {
  return path === "ocellus.json" || path.endsWith(".part");
}

/** A file system that knows no case would let one file write over the other. */
function refuseTwins(repo: string, files: readonly RemoteFile[]): void {
  const seen = new Map<string, string>();
  for (const { path } of files) {
    const twin = seen.get(path.toLowerCase());
    if (twin !== undefined)
      throw new OcellusError(
        "invalid_file",
        `${repo}: ${twin} and ${path} differ only in case; expected distinct names`,
        { details: { repo, names: [twin, path] } },
      );
    seen.set(path.toLowerCase(), path);
  }
}

function noWeights(repo: string, all: readonly RemoteFile[]): OcellusError {
  const names = all.map(({ path }) => path);
  const found = names.slice(0, 8);
  const foreign = foreignFolder(names);
  if (foreign)
    return new OcellusError("unsupported", `${repo} is ${foreign.description}`, {
      details: { repo, format: foreign.format, found },
    });
  return new OcellusError(
    "unsupported",
    `${repo} has no weights that can be read: expected *.safetensors or PyTorch *.bin beside config.json, ` +
      `found ${found.join(", ") || "no files"}; look for the original repository rather than a conversion`,
    { details: { repo, found } },
  );
}
