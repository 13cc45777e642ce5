/**
 * What it means that a pickle imports a name: `safe` is what files of tensors need, `dangerous` what is known to run code,
 * reach other files or the network, or look up further names; all else is `suspicious`. Only the first list is a promise:
 * no list of bad names is ever complete. [torch/_weights_only_unpickler.py for the first; the Python library reference
 * and published attacks on pickle scanners for the second]
 */
import { trimEndOf } from "../../core/base/index.js";
import { isAllowed } from "../../core/checkpoint/index.js";

export type Verdict = "safe" | "suspicious" | "dangerous";

const order: readonly Verdict[] = ["safe", "suspicious", "dangerous"];

export function worst(verdicts: Iterable<Verdict>): Verdict {
  let rank = 0;
  for (const verdict of verdicts) rank = Math.max(rank, order.indexOf(verdict));
  return order[rank]!;
}

const words = (text: string) => new Set(text.trim().split(/\s+/));

/** Beside what our own unpickler knows: what PyTorch's weights-only loading allows. */
const harmless = words(`
  builtins.set builtins.bytearray builtins.complex __builtin__.set __builtin__.bytearray __builtin__.complex
  collections.Counter _codecs.encode torch.Tensor torch.storage.TypedStorage torch.serialization._get_layout
  torch._tensor._rebuild_from_type_v2`);

const harmlessPatterns = [
  /^torch\.(cuda\.)?(sparse\.)?(BFloat16|Bool|Byte|Char|Complex(Double|Float)|Double|Float|Half|Int|Long|Short)(Storage|Tensor)$/,
  /^torch\.Q(U?Int\d+|UInt\dx\d)Storage$/,
  /^torch\.(b?complex\d+|float\d+(_e\dm\d\w*)?|q?u?int\d+(x\d)?|bits\d+(x\d)?)$/,
  /^torch\.per_(tensor|channel)_(affine|symmetric|affine_float_qparams)$/,
  /^torch\._utils\._rebuild_(tensor|qtensor|sparse_tensor|meta_tensor_no_storage|wrapper_subclass|parameter_with_state)$/,
  /^torch\._utils\._rebuild_device_tensor_from_(numpy|cpu_tensor)$/,
];

/** Dangerous with all they hold, wherever they stand: `torch.serialization.os.system` is `os.system`. */
const anywhere = words(`
  os posix nt sys subprocess posixsubprocess pty importlib imp builtin builtins ctypes socket shutil pickle cPickle dill
  cloudpickle marshal runpy`);

/** Dangerous as the name that is asked for, whichever module gives it. */
const functions = words("eval exec execfile getattr setattr delattr import system popen");

/** Dangerous from their first part on: modules, or single names of modules that are not bad as a whole. */
const prefixes = words(`
  code.InteractiveConsole code.InteractiveInterpreter code.compile_command code.interact codeop compileall py_compile
  types.CodeType types.FunctionType types.LambdaType types.MethodType inspect gc atexit linecache pkgutil zipimport
  frozen_importlib frozen_importlib_external site sitecustomize interpreters xxsubinterpreters unittest test.support
  doctest pdb bdb cProfile profile.Profile profile.run profile.runctx timeit trace.Trace pydoc idlelib lib2to3 pip
  distutils.core distutils.spawn distutils.file_util distutils.dir_util distutils.cmd ensurepip venv antigravity
  commands popen2 operator.attrgetter operator.itemgetter operator.methodcaller functools.reduce
  io.open io.open_code io.FileIO codecs.open tempfile fileinput glob filecmp tarfile zipfile shelve dbm sqlite3 mmap
  pathlib.Path.write_text pathlib.Path.write_bytes pathlib.Path.unlink
  ssl http httplib urllib urllib2 urllib3 requests httpx aiohttp asyncio smtplib ftplib imaplib poplib telnetlib
  nntplib xmlrpc socketserver SocketServer webbrowser select selectors paramiko
  multiprocessing concurrent thread threading signal pexpect pipes sh cffi winreg winapi msvcrt logging.config
  osx_support aix_support IPython
  joblib.load numpy.load numpy.f2py numpy.testing numpy.ctypeslib numpy.lib.npyio pandas.read_pickle pandas.io
  pandas.core.computation
  torch.load torch.hub torch.package torch.serialization.load torch.jit.load torch.jit.unsupported_tensor_ops
  torch.jit.frontend torch.ops.load_library torch.classes.load_library torch._inductor torch._dynamo torch.fx
  torch.distributed.rpc torch.distributed.elastic torch.distributed.launch torch.distributed.run
  torch.multiprocessing.spawn torch.utils._config_module torch.utils.bottleneck torch.utils.collect_env
  torch.utils.cpp_extension torch.utils.data.datapipes torch.utils.model_zoo
  transformers.dynamic_module_utils keras.models.load_model tensorflow.keras.models.load_model
  tensorflow.io tensorflow.python.ops.io_ops tensorflow.python.framework.load_library`);

/** Constructors of plain data; every other builtin is one step from running anything. */
const plainBuiltins = words("bool bytes dict float frozenset int list object range slice str tuple");

/** A way into the interpreter's inside, from any object: `x.__class__.__globals__`. */
const insides = /^__(?!main__$|torch__$|future__$|newobj__$|builtin__$)\w+__$/;

/** `name` is module and attribute path, joined by a dot; anything else (a name no one can read) is dangerous. */
export function judgeName(name: string): Verdict {
  if (name.startsWith("<")) return "dangerous";
  if (isAllowed(name) || harmless.has(name) || harmlessPatterns.some((pattern) => pattern.test(name))) return "safe";
  const parts = name.split(".");
  const [, builtin] = /^(?:__builtin__|builtins)\.(\w+)$/.exec(name) ?? [];
  if (builtin !== undefined) return plainBuiltins.has(builtin) ? "suspicious" : "dangerous";
  if (parts.some((part) => insides.test(part) || anywhere.has(bare(part)))) return "dangerous";
  if (functions.has(bare(parts.at(-1)!))) return "dangerous";
  const paths = parts.map((_, i) => [bare(parts[0]!), ...parts.slice(1, i + 1)].join("."));
  return paths.some((path) => prefixes.has(path)) ? "dangerous" : "suspicious";
}

/** `_pickle`, `_os` and `__builtins__` are the same doors as without their underscores. */
function bare(part: string): string {
  return trimEndOf(part.replace(/^_+/, ""), "_");
}
