/**
 * How many at once is best for offline work: `npm run bench -- batch [requests] [concurrency…]`. The real `ocellus batch` on a
 * file of questions about distinct pictures, once for each concurrency; answers a second from its own report, which does not
 * count the start of the process, and the most memory it held.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { questionAt, requestOf } from "./support/questions.js";

const root = join(import.meta.dirname, "..");

export async function main([count = "1000", ...widths]: string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ocellus-bench-batch-"));
  try {
    const input = join(folder, "in.jsonl");
    writeFileSync(input, await linesOf(Number(count)));
    await answer(input, join(folder, "warm-up.jsonl"), 16); // packs, and fills the system's file cache
    for (const width of widths.length > 0 ? widths.map(Number) : [1, 4, 8, 16, 32, 64]) {
      const { answered, seconds, megabytes } = await answer(input, join(folder, `out-${width}.jsonl`), width);
      const rate = (answered / seconds).toFixed(1).padStart(7);
      console.log(`--concurrency ${String(width).padEnd(4)} ${rate} answers/s  ${megabytes.toFixed(0).padStart(6)} MB`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function linesOf(count: number): Promise<string> {
  let text = "";
  for (let number = 0; number < count; number++) {
    const body = requestOf(await questionAt(number), { max_tokens: 24 });
    text += `${JSON.stringify({ custom_id: `${number}`, method: "POST", url: "/v1/chat/completions", body })}\n`;
  }
  return text;
}

function answer(input: string, out: string, concurrency: number) {
  const options = [input, "--out", out, "--concurrency", `${concurrency}`, "--json"];
  const command = ["--import", import.meta.resolve("tsx"), join(root, "src/cli/bin.ts"), "batch", ...options];
  return new Promise<{ answered: number; seconds: number; megabytes: number }>((done, fail) => {
    let kilobytes = 0;
    const child = execFile(process.execPath, command, (error, stdout) => {
      clearInterval(timer);
      if (error) fail(error);
      else done({ ...(JSON.parse(stdout) as { answered: number; seconds: number }), megabytes: kilobytes / 1024 });
    });
    const timer = setInterval(() => {
      const [, most = "0"] = /VmHWM:\s+(\d+)/.exec(statusOf(child.pid)) ?? [];
      kilobytes = Math.max(kilobytes, Number(most));
    }, 100);
  });
}

/** Empty when the process has just ended. */
function statusOf(pid: number | undefined): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return "";
  }
}
