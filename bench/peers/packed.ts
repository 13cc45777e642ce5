/**
 * What becomes of the comparison's checkpoint: packed by us, converted for llama.cpp by its own scripts, the decoder to Q4_0 and the
 * vision encoder to Q8_0.
 */
import { execFileSync } from "node:child_process";
import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ocellusCommand } from "../../test/support/command.js";

/** Packed in the cache: made again when the graphs of today differ from those of the last run. */
export function packOurs(checkpoint: string, prefillWeights: "int8" | "same", blockSize: string): string {
  const flags = ["--weights", "int4", "--block-size", blockSize, "--prefill-weights", prefillWeights, "--json"];
  const [command, args] = ocellusCommand("pack", checkpoint, ...flags);
  const out = execFileSync(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  return (JSON.parse(out.toString()) as { path: string }).path;
}

export interface LlamaFiles {
  readonly decoder: string;
  readonly vision: string;
}

/** `python` has torch and transformers; the folder is that of llama.cpp's sources and programs. */
export function convertForLlama(checkpoint: string, python: string, folder: string): LlamaFiles {
  const [decoder, vision] = [`${checkpoint}-q4_0.gguf`, `${checkpoint}-vision-q8_0.gguf`];
  const whole = `${checkpoint}-bf16.gguf`;
  const convert = (into: string, type: string, ...flags: string[]) => {
    const args = [
      join(folder, "source/convert_hf_to_gguf.py"),
      checkpoint,
      "--outfile",
      `${into}.part`,
      "--outtype",
      type,
    ];
    run(python, [...args, ...flags]);
    renameSync(`${into}.part`, into);
  };
  if (!existsSync(vision)) convert(vision, "q8_0", "--mmproj");
  if (!existsSync(decoder)) {
    convert(whole, "bf16");
    run(join(folder, "build/bin/llama-quantize"), [whole, `${decoder}.part`, "Q4_0"]);
    renameSync(`${decoder}.part`, decoder);
    rmSync(whole);
  }
  return { decoder, vision };
}

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: ["ignore", "ignore", "pipe"], maxBuffer: 64 * 2 ** 20 }); // stderr is in the error
}
