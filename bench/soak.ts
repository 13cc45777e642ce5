/**
 * A long mixed load, to find what grows: `npm run bench -- soak --minutes 30`. Answers whole and streamed, several choices,
 * JSON by a schema, uploads asked by id and deleted, broken pictures, refused requests, clients that hang up at any moment.
 * The server is a process of its own; its resident memory is read twice a second. Flat: the line through it after the first
 * third rises by less than 2 MB a minute, or by less than twice the uncertainty of that rise.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type ServeProcess, serveProcess } from "../test/support/serve-process.js";
import { postChat, questionAt, requestOf } from "./support/questions.js";

const clients = 16;
const schema = {
  type: "object",
  properties: { kind: { enum: ["dress", "shirt", "bag", "other"] }, count: { enum: [1, 2, 3] } },
  required: ["kind", "count"],
  additionalProperties: false,
};
const json_schema = { name: "item", schema };

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { minutes: { type: "string", default: "30" } } });
  const minutes = Number(values.minutes);
  // Small budgets, so that full caches belong to the steady state soon.
  const server = await serveProcess(["--log-level", "error", "--max-files-bytes", "8m", "--encoder-cache-bytes", "8m"]);
  const samples: Sample[] = [];
  const counts = new Map<string, number>();
  const started = performance.now();
  const elapsedMinutes = () => (performance.now() - started) / 60_000;
  const sampler = setInterval(() => {
    samples.push({ minute: elapsedMinutes(), megabytes: residentMegabytes(server) });
  }, 500);
  try {
    let number = 0;
    const client = async () => {
      while (elapsedMinutes() < minutes && server.child.exitCode === null) {
        const outcome = await oneVisit(server.url, number++);
        counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
    console.log(Object.fromEntries([...counts].sort()));
    await reportState(server);
    reportMemory(samples);
  } finally {
    clearInterval(sampler);
    await server.stop();
    if (server.log() !== "") console.log(`the server's log:\n${server.log().slice(-2000)}`);
  }
}

const visits: Readonly<Record<string, (url: string, number: number) => Promise<string>>> = {
  whole: async (url, number) => said(await postChat(url, requestOf(await questionAt(number)))),
  choices: async (url, number) =>
    said(await postChat(url, requestOf(await questionAt(number), { n: 3, temperature: 1.5, max_tokens: 24 }))),
  streamed: async (url, number) => said(await postChat(url, requestOf(await questionAt(number), { stream: true }))),
  schema: async (url, number) => {
    const response_format = { type: "json_schema", json_schema };
    return said(await postChat(url, requestOf(await questionAt(number), { response_format, temperature: 1 })));
  },
  hangUp: async (url, number) => {
    const body = requestOf(await questionAt(number), { stream: number % 2 === 0, max_tokens: 200, temperature: 1.5 });
    return said(await postChat(url, body, AbortSignal.timeout(number % 97)));
  },
  broken: async (url, number) => {
    const question = await questionAt(number);
    return said(await postChat(url, requestOf({ ...question, url: question.url.slice(0, 200 - (number % 4)) })));
  },
  refused: async (url, number) => said(await postChat(url, requestOf(await questionAt(number), { unknown: 1 }))),
  upload: async (url, number) => {
    const question = await questionAt(number);
    const form = new FormData();
    form.set("purpose", "vision");
    form.set("file", new File([Buffer.from(question.url.split(",")[1]!, "base64")], "image"));
    const sent = await fetch(`${url}/v1/files`, { method: "POST", body: form });
    const { id } = (await sent.json()) as { id: string };
    const answered = await said(await postChat(url, requestOf({ ...question, url: id })));
    // Some are left behind: the store makes room by itself.
    if (number % 3 === 0) await fetch(`${url}/v1/files/${id}`, { method: "DELETE" }).then((r) => r.text());
    return answered;
  },
};
const kinds = Object.keys(visits);

/** What happened, in a word or two: `whole 200`. */
async function oneVisit(url: string, number: number): Promise<string> {
  const kind = kinds[number % kinds.length]!;
  try {
    return `${kind} ${await visits[kind]!(url, number)}`;
  } catch (error) {
    return `${kind} ${(error as Error).name}`;
  }
}

async function said(response: Response): Promise<string> {
  await response.text();
  return String(response.status);
}

/** Nothing may be held when no one asks. */
async function reportState({ url }: ServeProcess): Promise<void> {
  await new Promise((done) => setTimeout(done, 2000));
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const lines = metrics.split("\n").filter((line) => /^ocellus_(model_|files_bytes|request_bytes)/.test(line));
  console.log(lines.join("\n"));
}

interface Sample {
  readonly minute: number;
  readonly megabytes: number;
}

function residentMegabytes({ child }: ServeProcess): number {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) / 1024;
}

function reportMemory(samples: readonly Sample[]): void {
  const settled = samples.slice(Math.floor(samples.length / 3));
  const { slope, error } = line(settled);
  const most = Math.max(...samples.map(({ megabytes }) => megabytes));
  const means = Array.from({ length: 10 }, (_, i) => {
    const part = samples.slice((i * samples.length) / 10, ((i + 1) * samples.length) / 10);
    return Math.round(part.reduce((sum, { megabytes }) => sum + megabytes, 0) / part.length);
  });
  console.log(`resident memory, mean of each tenth of the time: ${means.join(" ")} MB; most ${Math.round(most)} MB`);
  const isFlat = slope < Math.max(2, 2 * error);
  console.log(
    `after the first third: ${slope.toFixed(2)} ± ${error.toFixed(2)} MB a minute, ${isFlat ? "flat" : "RISING"}`,
  );
  if (!isFlat) process.exitCode = 1;
}

/** Least squares, with the standard error of the slope. */
function line(samples: readonly Sample[]): { slope: number; error: number } {
  const mean = (of: (sample: Sample) => number) => samples.reduce((sum, s) => sum + of(s), 0) / samples.length;
  const [x, y] = [mean((s) => s.minute), mean((s) => s.megabytes)];
  const spread = samples.reduce((sum, s) => sum + (s.minute - x) ** 2, 0);
  const slope = samples.reduce((sum, s) => sum + (s.minute - x) * (s.megabytes - y), 0) / spread;
  const residual = samples.reduce((sum, s) => sum + (s.megabytes - y - slope * (s.minute - x)) ** 2, 0);
  return { slope, error: Math.sqrt(residual / (samples.length - 2) / spread) };
}
