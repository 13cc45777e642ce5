/**
 * The server's own figures, on loopback, bundled demo model: `npm run bench -- serve [requests]`. The server is a process of its
 * own; every picture is new to it. Beside each figure stands its goal. The ceiling of batching is what the engine itself
 * gives: the same questions to the same model in this process, without HTTP.
 */
import { join } from "node:path";
import { loadModel, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { serveProcess } from "../test/support/serve-process.js";
import { inParallel, postChat, type Question, questionAt, requestOf } from "./support/questions.js";

const maxTokens = 24;
const warmUp = 20;

type Ask = (question: Question) => Promise<unknown>;

export async function main([count = "300"]: string[]): Promise<void> {
  const numbers = Number(count);
  const images = numberedQuestions();
  const server = await serveProcess(["--log-level", "error"]);
  const model = await loadModel(join(import.meta.dirname, "../checkpoints/ocellus-tiny"), {
    weights: "int4",
    imageThreads: 1,
    graphThreads: true,
  });
  try {
    const whole: Ask = async (question) => {
      const response = await postChat(server.url, requestOf(question, { max_tokens: maxTokens }));
      if (!response.ok) throw new Error(await response.text());
      return response.json();
    };
    const direct: Ask = (question) => model.answer(messagesOf(question), { maxTokens });
    for (const ask of [whole, direct]) await inParallel(warmUp, 4, async () => ask(await images()));

    const first = await firstTokens(server.url, numbers, images);
    report("first token, cold picture alone, p50", first.at(0.5), "ms", "≤ 60");
    report("first token, cold picture alone, p95", first.at(0.95), "ms", "");
    const rates = new Map<string, number>();
    for (const [who, ask] of [
      ["server", whole],
      ["engine", direct],
    ] as const)
      for (const width of [1, 8, 32]) {
        const rate = await throughput(ask, numbers, width, images);
        rates.set(`${who} ${width}`, rate);
        report(`${who}, ${width} at once`, rate, "answers/s", `×${(rate / rates.get(`${who} 1`)!).toFixed(2)}`);
      }
    const gain = rates.get("server 32")! / rates.get("server 1")!;
    report("gain of 32 over 1", gain, "×", "≥ 8, or the ceiling");
    await overhead(numbers, images, whole, direct);
    await roofline(model, images);
  } finally {
    await model.close();
    await server.stop();
  }
}

/** Each question once: no picture is known to anybody. Prepared before the clock starts. */
function numberedQuestions(): () => Promise<Question> {
  let number = 0;
  return () => questionAt(number++);
}

function messagesOf({ url, text }: Question) {
  return [{ role: "user" as const, content: [{ type: "image" as const, image: url }, text] }];
}

class Times {
  readonly #sorted: readonly number[];

  constructor(times: readonly number[]) {
    this.#sorted = times.toSorted((a, b) => a - b);
  }

  at(quantile: number): number {
    return this.#sorted[Math.min(this.#sorted.length - 1, Math.floor(quantile * this.#sorted.length))]!;
  }
}

/** From sending the request to the first words of the stream. */
async function firstTokens(url: string, count: number, next: () => Promise<Question>): Promise<Times> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const question = await next();
    const started = performance.now();
    const response = await postChat(url, requestOf(question, { stream: true, max_tokens: maxTokens }));
    let isFirst = true;
    for await (const _ of response.body!) {
      if (isFirst) times.push(performance.now() - started);
      isFirst = false;
    }
  }
  return new Times(times);
}

async function throughput(ask: Ask, count: number, width: number, next: () => Promise<Question>): Promise<number> {
  const questions = await Promise.all(Array.from({ length: count }, next));
  const started = performance.now();
  await inParallel(count, width, (i) => ask(questions[i]!));
  return (count * 1000) / (performance.now() - started);
}

/** The same questions to both in turn, in new pictures for each; the difference of the medians is what HTTP, JSON and the queue cost. */
async function overhead(count: number, next: () => Promise<Question>, whole: Ask, direct: Ask): Promise<void> {
  const times: Record<"server" | "engine", number[]> = { server: [], engine: [] };
  for (let i = 0; i < count; i++) {
    const question = await next();
    const order = i % 2 === 0 ? (["server", "engine"] as const) : (["engine", "server"] as const);
    for (const who of order) {
      const started = performance.now();
      await (who === "server" ? whole : direct)(question);
      times[who].push(performance.now() - started);
    }
  }
  const [server, engine] = [new Times(times.server).at(0.5), new Times(times.engine).at(0.5)];
  report("one answer, server, p50", server, "ms", "");
  report("one answer, engine, p50", engine, "ms", "");
  report("overhead of the server", server - engine, "ms", "≤ 2");
}

/**
 * Batching shares a decoder's run among sequences; a picture's own run is shared by no one. If all decoding were free, an
 * answer would still cost its picture: that bounds the gain, whatever the batch.
 */
async function roofline(model: VisionLanguageModel, next: () => Promise<Question>): Promise<void> {
  const [vision, total]: [number[], number[]] = [[], []];
  for (let i = 0; i < 50; i++) {
    const { timings } = await model.answer(messagesOf(await next()), { maxTokens });
    vision.push(timings.visionMs);
    total.push(timings.totalMs);
  }
  const [visionMs, totalMs] = [new Times(vision).at(0.5), new Times(total).at(0.5)];
  report("picture's run", visionMs, "ms", "");
  report("whole answer alone", totalMs, "ms", "");
  report("ceiling of the gain, decoding free", totalMs / visionMs, "×", "");
}

function report(what: string, value: number, unit: string, note: string): void {
  console.log(`${what.padEnd(40)} ${value.toFixed(value < 100 ? 2 : 0).padStart(9)} ${unit.padEnd(10)} ${note}`);
}
