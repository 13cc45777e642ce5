/**
 * Does company ever change or mix up an answer? `npm run bench -- mixups [10000] [32]`: so many questions about distinct
 * pictures, so many at once, to a real server; the oracle is the same model asked for one at a time, in this process. An
 * answer is right when text and picture digest are equal and the log-probability of every token is within 0.001.
 */
import { join } from "node:path";
import type { ChatCompletion } from "../src/protocol/index.js";
import { loadModel } from "../src/runtime/index.js";
import { serveProcess } from "../test/support/serve-process.js";
import { inParallel, postChat, questionAt, requestOf } from "./support/questions.js";

/** Products are summed in another order when rows are batched: some 1e-5 in fp32 and in int4. */
const tolerance = 1e-3;
const maxTokens = 24;

interface Answer {
  readonly text: string;
  readonly digest: string;
  readonly logprobs: readonly number[];
}

export async function main([count = "10000", width = "32"]: string[]): Promise<void> {
  const server = await serveProcess(["--log-level", "error"]);
  const model = await loadModel(join(import.meta.dirname, "../checkpoints/ocellus-tiny"), { weights: "int4" });
  const served: Answer[] = [];
  const [labelled, right] = [
    [0, 0],
    [0, 0],
  ];
  try {
    const started = performance.now();
    await inParallel(Number(count), Number(width), async (number) => {
      served[number] = await askServer(server.url, number);
    });
    const seconds = (performance.now() - started) / 1000;
    let wrong = 0;
    for (let number = 0; number < served.length; number++) {
      const alone = await askAlone(model, number);
      if (!isEqual(served[number]!, alone)) console.log(`${number}: wrong ${++wrong}`, served[number], alone);
      const { accepted } = await questionAt(number);
      if (!accepted) continue;
      for (const [who, { text }] of [served[number]!, alone].entries()) {
        labelled[who]!++;
        if (accepted.includes(text.trim())) right[who]!++;
      }
    }
    console.log(`${served.length} answers, ${width} at once, in ${seconds.toFixed(0)} s: ${wrong} wrong or mixed up`);
    console.log(`of ${labelled[0]} labelled ones right: ${right[0]} in company, ${right[1]} alone`);
    if (wrong > 0) process.exitCode = 1;
  } finally {
    await model.close();
    await server.stop();
  }
}

async function askServer(url: string, number: number): Promise<Answer> {
  const body = requestOf(await questionAt(number), { logprobs: true, max_tokens: maxTokens });
  const response = await postChat(url, body);
  const json = (await response.json()) as ChatCompletion;
  if (!response.ok) throw new Error(`${number}: ${response.status} ${JSON.stringify(json)}`);
  const { message, logprobs } = json.choices[0]!;
  return {
    text: message.content ?? "",
    digest: json.ocellus.pictures[0]!.sha256,
    logprobs: logprobs!.content.map(({ logprob }) => logprob),
  };
}

async function askAlone(model: Awaited<ReturnType<typeof loadModel>>, number: number): Promise<Answer> {
  const { url, text: asked } = await questionAt(number);
  const messages = [{ role: "user" as const, content: [{ type: "image" as const, image: url }, asked] }];
  const { text, tokens, pictures } = await model.answer(messages, { maxTokens, sampling: { logprobs: true } });
  return { text, digest: pictures[0]!.digest, logprobs: tokens.map(({ logprob = 0 }) => logprob) };
}

function isEqual(a: Answer, b: Answer): boolean {
  const isNear = (value: number, i: number) => Math.abs(value - b.logprobs[i]!) <= tolerance;
  return (
    a.text === b.text && a.digest === b.digest && a.logprobs.length === b.logprobs.length && a.logprobs.every(isNear)
  );
}
