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

const signatures: readonly (readonly [start: string, format: string, name: string])[] = [
  ["version https://", "git-lfs", "a Git LFS pointer, not the weights: run `git lfs pull`"],
  ["GGUF", "gguf", "a GGUF file; Ocellus reads the original safetensors or PyTorch checkpoint"],
  ["7z\xbc\xaf\x27\x1c", "7z", "a 7z archive: unpack it"],
  ["\x1f\x8b", "gzip", "a gzip archive: unpack it"],
  ["Rar!", "rar", "a RAR archive: unpack it"],
  ["\x28\xb5\x2f\xfd", "zstd", "a zstd archive: unpack it"],
  ["\x89HDF\r\n", "hdf5", "an HDF5 (Keras) file; Ocellus reads safetensors and PyTorch checkpoints"],
  ["\x93NUMPY", "numpy", "a NumPy array; Ocellus reads safetensors and PyTorch checkpoints"],
  ["PK\x05\x06", "zip", "an empty zip archive"],
];

/** "a PyTorch zip file …" when the bytes are those of another well-known format, else undefined. */
export function describeForeignFile(start: Uint8Array): string | undefined {
  return foreign(start)?.[1];
}

/** The format's name, for programs. */
export function foreignFormat(start: Uint8Array): string | undefined {
  return foreign(start)?.[0];
}

function foreign(start: Uint8Array): readonly [format: string, name: string] | undefined {
  if (start.length === 0) return ["empty", "empty, perhaps a failed download"];
  const text = new TextDecoder("latin1").decode(start);
  if (isZip(start)) return ["torch", "a PyTorch (zip) file: rename it to .bin"];
  if (isPickle(start))
    return ["pickle", "a Python pickle, perhaps a legacy PyTorch file: save it again with a PyTorch newer than 1.6"];
  if (/^\s*(<!doctype|<html|<\?xml)/i.test(text)) return ["html", "an HTML or XML page, perhaps a failed download"];
  if (start[0] === 8 && start[1]! < 32 && start[2] === 18)
    return ["onnx", "perhaps an ONNX graph; Ocellus reads the checkpoint it was made from"];
  const [, format, name] = signatures.find(([signature]) => text.startsWith(signature)) ?? [];
  return format === undefined ? undefined : [format, name!];
}
