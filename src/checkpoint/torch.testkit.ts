/** PyTorch files made by hand, for what torch.save would never write. */

export interface ZipOptions {
  readonly method?: number;
  /** Write every size and offset as zip64 does: ones in the 32-bit fields, the numbers elsewhere. */
  readonly zip64?: boolean;
  readonly comment?: string;
}

function bytes(...fields: (["u16" | "u32" | "u64", number] | string)[]): Buffer {
  return Buffer.concat(
    fields.map((field) => {
      if (typeof field === "string") return Buffer.from(field, "latin1");
      const [type, value] = field;
      const out = Buffer.alloc(type === "u16" ? 2 : type === "u32" ? 4 : 8);
      if (type === "u64") out.writeBigUInt64LE(BigInt(value));
      else out.writeUIntLE(value, 0, out.length);
      return out;
    }),
  );
}

/** A zip file of entries [name, contents], whose local headers leave the sizes out as PyTorch's do. */
export function zipOf(
  entries: [string, string][],
  { method = 0, zip64 = false, comment = "" }: ZipOptions = {},
): Buffer {
  let body = Buffer.alloc(0);
  const directory = entries.map(([name, contents]) => {
    const offset = body.length;
    const local = bytes("PK\x03\x04", ["u16", 20], ["u16", 8], ["u16", method], ["u32", 0], ["u32", 0], ["u64", 0]);
    body = Buffer.concat([body, local, bytes(["u16", name.length], ["u16", 6], name, "FB\x02\x00ZZ", contents)]);
    const wide = bytes(["u16", 1], ["u16", 24], ["u64", contents.length], ["u64", contents.length], ["u64", offset]);
    const size = zip64 ? 0xffffffff : contents.length;
    const head = bytes("PK\x01\x02", ["u16", 20], ["u16", 20], ["u16", 8], ["u16", method], ["u64", 0]);
    const lengths = bytes(["u32", size], ["u32", size], ["u16", name.length], ["u16", zip64 ? wide.length : 0]);
    const rest = bytes(["u16", 0], ["u64", 0], ["u32", zip64 ? 0xffffffff : offset], name);
    return Buffer.concat([head, lengths, rest, ...(zip64 ? [wide] : [])]);
  });
  const size = Buffer.concat(directory).length;
  const record = bytes("PK\x06\x06", ["u64", 44], ["u32", 0], ["u64", 0], ["u64", 0], ["u64", 0]);
  const locator = bytes("PK\x06\x07", ["u32", 0], ["u64", body.length + size], ["u32", 1]);
  const end64 = Buffer.concat([record, bytes(["u64", size], ["u64", body.length]), locator]);
  const end = bytes("PK\x05\x06", ["u64", 0], ["u32", zip64 ? 0xffffffff : size]);
  const start = bytes(["u32", zip64 ? 0xffffffff : body.length], ["u16", comment.length], comment);
  return Buffer.concat([body, ...directory, ...(zip64 ? [end64] : []), end, start]);
}

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
