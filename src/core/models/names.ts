/**
 * Names of tensors: the spellings of a name found in checkpoints, and the part of the model that a tensor belongs to. Each
 * family declares both as a small table; nothing else knows prefixes of names.
 */

/** The encoders are "vision" and "text" (CLIP's second tower); a "connector" carries their features over. */
export type Part = "vision" | "text" | "connector" | "embedding" | "decoder" | "head";

/** What savers put around a model, or around its decoder, or leave out: modules, torch.compile, DDP, PEFT. */
const wrappers = /^(?:(?:model|language_model|module|base_model|_orig_mod)\.)+/;

/**
 * The canonical spelling of a name, by its root: the first module behind all wrappers. A name of another root stays as it is.
 * @param roots from each root to its canonical path.
 */
export function spelling(roots: Readonly<Record<string, string>>): (name: string) => string {
  return (name) => {
    const bare = name.replace(wrappers, "");
    const root = bare.split(".", 1)[0]!;
    return Object.hasOwn(roots, root) ? roots[root] + bare.slice(root.length) : name;
  };
}

/** The roots of a decoder that lies at `path`, and of its head. */
export function decoderRoots(path: string): Record<string, string> {
  const inside = ["embed_tokens", "layers", "norm"].map((root) => [root, `${path}.${root}`]);
  return { ...Object.fromEntries(inside), lm_head: "lm_head" };
}

/** The part of a tensor by its canonical name: the first prefix that fits decides, and the last fits all. */
export function partsOf(...prefixes: readonly (readonly [prefix: string, part: Part])[]): (name: string) => Part {
  return (name) => prefixes.find(([prefix]) => name.startsWith(prefix))?.[1] ?? prefixes.at(-1)![1];
}
