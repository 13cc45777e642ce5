/** `serve --browser-models`: packs the served models for browsers, unless they are too large for one. */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { formatBytes, OcellusError } from "../../../core/base/index.js";
import { openCheckpoint } from "../../../core/checkpoint/index.js";
import { isPacked, manifestSchema, packedFiles, plannedBytes, readModel, webPlan } from "../../../core/pack/index.js";
import { BrowserModels } from "../../../server/index.js";
import { printNotes, type Terminal } from "../../ui/terminal.js";
import { packWithProgress } from "../models/pack.js";
import type { ServeConfig } from "./settings.js";

/** Fetched and stored by everyone who tries it, and held twice in the 4 GB that WebAssembly has. */
const maxBytes = 1e9;

const runtime = "onnxruntime-web";

/** Undefined: not asked for. @throws `unavailable` without onnxruntime-web, `invalid_request` beside guardrails. */
export function openBrowserModels({ browserModels, guards }: ServeConfig): BrowserModels | undefined {
  if (!browserModels) return undefined;
  if (guards !== undefined)
    throw new OcellusError(
      "invalid_request",
      "--browser-models: a model in a page answers without this server's guardrails; leave out --guards or --browser-models",
      { details: { param: "browserModels" } },
    );
  return new BrowserModels(runtimeFolder());
}

function runtimeFolder(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${runtime}/ort-wasm-simd-threaded.wasm`));
  } catch (cause) {
    const install = `npm install ${runtime}`;
    throw new OcellusError(
      "unavailable",
      `--browser-models needs the npm package ${runtime}, which cannot be loaded: run \`${install}\``,
      { details: { missing: runtime, install }, cause },
    );
  }
}

/** What cannot be offered is served here as ever, and a note says why. */
export async function offerToBrowsers(
  models: BrowserModels,
  name: string,
  checkpoint: string,
  terminal: Terminal,
): Promise<void> {
  const folder = await webFolderOf(checkpoint, terminal);
  if (typeof folder === "object") return printNotes(terminal, [`${name} is not offered to browsers: ${folder.reason}`]);
  const packed = await openCheckpoint(folder);
  const manifest = manifestSchema.parse(await packed.readJson(packedFiles.manifest));
  await packed.close();
  const list = manifest.files?.list ?? [];
  const bytes = list.reduce((sum, file) => sum + file.bytes, 0);
  models.add(name, { folder, files: [packedFiles.manifest, ...list.map((file) => file.name)], bytes });
}

async function webFolderOf(checkpoint: string, terminal: Terminal): Promise<string | { readonly reason: string }> {
  const files = await openCheckpoint(checkpoint);
  try {
    if (await isPacked(files)) {
      const manifest = manifestSchema.safeParse(await files.readJson(packedFiles.manifest));
      return manifest.data?.files ? checkpoint : { reason: "it was packed without --for web" };
    }
    const bytes = plannedBytes(await readModel(files), webPlan({}));
    if (bytes > maxBytes) return { reason: `${formatBytes(bytes)} in 4 bits, at most ${formatBytes(maxBytes)} are` };
  } finally {
    await files.close();
  }
  try {
    return (await packWithProgress(checkpoint, webPlan({}), { for: "web" }, terminal)).path;
  } catch (cause) {
    if (cause instanceof OcellusError && ["unsupported", "too_large"].includes(cause.code))
      return { reason: cause.message };
    throw cause;
  }
}
