/** Telling by its first bytes what a file really is, whatever its name says. */

const zipMagic = [0x50, 0x4b, 0x03, 0x04];

export function isZip(start: Uint8Array): boolean {
  return zipMagic.every((byte, i) => start[i] === byte);
}

/** Pickle protocols 2 to 5 begin with 0x80 and the protocol number. */
export function isPickle(start: Uint8Array): boolean {
  return start[0] === 0x80 && start[1]! >= 2 && start[1]! <= 5;
}

/** safetensors: a header length below 4 GiB, then the opening brace of the header. */
export function isSafetensors(start: Uint8Array): boolean {
  return start.length > 8 && start[8] === 0x7b && start[4] === 0 && start[5] === 0 && start[6] === 0 && start[7] === 0;
}

/** "a PyTorch zip file …" when the bytes are those of another well-known format, else undefined. */
export function describeForeignFile(start: Uint8Array): string | undefined {
  if (start.length === 0) return "empty, perhaps a failed download";
  const text = new TextDecoder("latin1").decode(start.subarray(0, 16));
  if (isZip(start)) return "a PyTorch (zip) file: rename it to .bin";
  if (isPickle(start))
    return "a Python pickle, perhaps a legacy PyTorch file: save it again with a PyTorch newer than 1.6";
  if (text.startsWith("version https://")) return "a Git LFS pointer, not the weights: run `git lfs pull`";
  if (text.startsWith("GGUF")) return "a GGUF file; Ocellus reads the original safetensors or PyTorch checkpoint";
  if (/^\s*(<!doctype|<html|<\?xml)/i.test(text)) return "an HTML or XML page, perhaps a failed download";
  return undefined;
}
