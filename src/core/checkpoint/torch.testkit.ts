/** PyTorch pickles made by hand, for what torch.save would never write. */

/** Instructions as text, one Latin-1 character a byte; protocol 2 is put in front and STOP behind. */
export function pickleOf(...instructions: string[]): Buffer {
  return Buffer.from(`\x80\x02${instructions.join("")}.`, "latin1");
}

export const int = (n: number) => `K${String.fromCharCode(n)}`;
export const text = (s: string) => `U${String.fromCharCode(s.length)}${s}`;
export const memoise = (n: number) => `q${String.fromCharCode(n)}`;
export const recall = (n: number) => `h${String.fromCharCode(n)}`;
const storage = `(${text("storage")}ctorch\nFloatStorage\n${text("0")}${text("cpu")}${int(6)}tQ`;
/** A tensor of the storage above: sizes and strides are instructions that push a tuple or a list. */
export const tensor = (sizes: string, strides: string) =>
  `ctorch._utils\n_rebuild_tensor_v2\n(${storage}${int(0)}${sizes}${strides}\x89}tR`;
