/**
 * What a PyTorch pickle may name, and what we build for it: storages, tensors and dictionaries, nothing else. The tables
 * are the whole allow-list. [torch/_weights_only_unpickler.py, torch/_utils.py]
 */
import { OcellusError, shorten } from "../base/index.js";
import type { DType } from "../tensor/index.js";

/** A name the pickle asks for; only some mean anything to a handler. */
export class PickleGlobal {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** A storage: raw elements in the archive entry `data/<key>`. */
export class PickleStorage {
  readonly key: string;
  readonly dtype: DType | undefined;
  constructor(key: string, dtype: DType | undefined) {
    this.key = key;
    this.dtype = dtype;
  }
}

/** A view of a storage; offset and strides count elements. */
export class PickleTensor {
  readonly storage: PickleStorage;
  readonly dtype: DType;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  constructor(
    storage: PickleStorage,
    dtype: DType,
    offset: number,
    shape: readonly number[],
    strides: readonly number[],
  ) {
    this.storage = storage;
    this.dtype = dtype;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

export type PickleValue =
  | null
  | boolean
  | number
  | string
  | PickleGlobal
  | PickleStorage
  | PickleTensor
  | PickleValue[]
  | Map<PickleValue, PickleValue>;

/** `undefined`: the storage is untyped, the tensor says its dtype. */
export const storageTypes: Readonly<Record<string, DType | undefined>> = {
  "torch.FloatStorage": "f32",
  "torch.DoubleStorage": "f64",
  "torch.HalfStorage": "f16",
  "torch.BFloat16Storage": "bf16",
  "torch.LongStorage": "i64",
  "torch.IntStorage": "i32",
  "torch.ShortStorage": "i16",
  "torch.CharStorage": "i8",
  "torch.ByteStorage": "u8",
  "torch.BoolStorage": "bool",
  "torch.storage.UntypedStorage": undefined,
};

const dtypesByName: Readonly<Record<string, DType>> = {
  "torch.float32": "f32",
  "torch.float64": "f64",
  "torch.float16": "f16",
  "torch.bfloat16": "bf16",
  "torch.float8_e4m3fn": "f8_e4m3",
  "torch.float8_e5m2": "f8_e5m2",
  "torch.int64": "i64",
  "torch.int32": "i32",
  "torch.int16": "i16",
  "torch.int8": "i8",
  "torch.uint8": "u8",
  "torch.bool": "bool",
};

/** PyTorch's own limit. */
const maxDimensions = 64;

type Handler = (args: PickleValue[]) => PickleValue;

/** What may be called, and what we do instead of calling it. */
export const handlers: Readonly<Record<string, Handler>> = {
  "collections.OrderedDict": (args) => {
    // Python 3 sets the items afterwards; a list of pairs here could be named again and again at four bytes a time.
    if (args.length > 0) throw refused("an OrderedDict is built from arguments", { object: "collections.OrderedDict" });
    return new Map();
  },
  "torch._utils._rebuild_tensor_v2": (args) => rebuildTensor(args, undefined),
  "torch._utils._rebuild_tensor_v3": (args) => rebuildTensor(args, args[6]),
  "torch._utils._rebuild_parameter": ([tensor]) => tensor as PickleTensor,
  "torch.nn.parameter.Parameter": ([tensor]) => tensor as PickleTensor,
  "torch.Size": ([sizes]) => sizes as PickleValue[],
  "torch.device": ([name]) => name as string,
};

/** Names that may be in a file without being called. */
export function isAllowed(name: string): boolean {
  return [handlers, storageTypes, dtypesByName].some((table) => Object.hasOwn(table, name));
}

function rebuildTensor(
  [storage, offset, shape, strides]: PickleValue[],
  dtypeName: PickleValue | undefined,
): PickleTensor {
  const named =
    dtypeName instanceof PickleGlobal && Object.hasOwn(dtypesByName, dtypeName.name)
      ? dtypesByName[dtypeName.name]
      : undefined;
  if (!(storage instanceof PickleStorage) || !isCounts([offset]) || !isCounts(shape) || !isCounts(strides)) {
    throw refused("a tensor is built from something that is not a storage with sizes", { object: "storage" });
  }
  const dtype = named ?? storage.dtype;
  if (!dtype || shape.length !== strides.length)
    throw refused("a tensor's dtype, shape and strides do not fit", { shape: [...shape], strides: [...strides] });
  // Copies: the pickle may hold on to its lists and change them after this check.
  return new PickleTensor(storage, dtype, offset as number, [...shape], [...strides]);
}

function isCounts(value: unknown): value is number[] {
  return (
    Array.isArray(value) &&
    value.length <= maxDimensions &&
    value.every((n) => Number.isSafeInteger(n) && (n as number) >= 0)
  );
}

/** Without the file's name, which `unpickle` adds. */
export function refused(
  reason: string,
  details: Readonly<Record<string, unknown>>,
  code: "invalid_file" | "unsupported" = "invalid_file",
): OcellusError {
  return new OcellusError(code, reason, { details });
}

/** What to say of a name that is not in the tables. */
export function refusedName(name: string): OcellusError {
  const short = shorten(name, 100);
  if (/^torch\.(\w+Storage|q?u?int\d+|complex\d+|float\d\w*)$/.test(short))
    return refused(
      `it holds tensors of ${short}; supported: ${Object.keys(dtypesByName).join(", ")}`,
      { found: short, supported: Object.keys(dtypesByName) },
      "unsupported",
    );
  return refused(`it asks for ${short}; only tensors may be loaded, and nothing was run`, { found: short });
}
