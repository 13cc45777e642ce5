/**
 * Does company, or what is cached, ever change or mix up an answer? `npm run bench -- mixups [10000] [32]`: so many questions
 * about distinct pictures, so many at once, to a real server, each twice (cold, then warm: its prompt is cached); the oracle
 * is the same model without any memory, asked for one at a time, in this process. An answer is right when text, picture
 * digest and the log-probability of every token are equal, to the last bit.
 */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { loadModel } from "../src/core/runtime/index.js";
import type { ChatCompletion } from "../src/protocol/index.js";
import { serveProcess } from "../test/support/serve-process.js";
import { inParallel, postChat, questionAt, requestOf } from "./support/questions.js";

const maxTokens = 24;

const box = join(import.meta.dirname, "../checkpoints/ocellus-tiny");

interface Answers {
  readonly cold: Answer;
  readonly warm: Answer;
}

interface Answer {
  readonly text: string;
  readonly digest: string;
  readonly logprobs: readonly number[];
}

export async function main([count = "10000", width = "32"]: string[]): Promise<void> {
  const server = await serveProcess(["--log-level", "error"]);
  const model = await loadModel(box, { weights: "int4", memory: { encoderCacheBytes: 0, prefixCacheBytes: 0 } });
  try {
    const started = performance.now();
    const served: Answers[] = [];
    await inParallel(Number(count), Number(width), async (number) => {
      const cold = await askServer(server.url, number);
      served[number] = { cold, warm: await askServer(server.url, number) };
    });
    const seconds = (performance.now() - started) / 1000;
    const found = { wrong: 0, otherText: 0, otherBits: 0, labelled: 0, right: 0, rightAlone: 0 };
    for (const [number, { cold, warm }] of served.entries()) {
      const alone = await askAlone(model, number);
      if (cold.text !== warm.text) found.otherText++;
      if (!isDeepStrictEqual(cold, warm)) found.otherBits++;
      if (!isDeepStrictEqual(cold, alone) || !isDeepStrictEqual(warm, alone))
        console.log(`${number}: wrong ${++found.wrong}`, cold, warm, alone);
      const { accepted } = await questionAt(number);
      if (!accepted) continue;
      found.labelled++;
      if (accepted.includes(cold.text.trim())) found.right++;
      if (accepted.includes(alone.text.trim())) found.rightAlone++;
    }
    console.log(
      `${served.length} questions asked twice, ${width} at once, in ${seconds.toFixed(0)} s: ${found.wrong} wrong or mixed up`,
    );
    console.log(`warm against cold: ${found.otherText} other texts, ${found.otherBits} other log-probabilities`);
    console.log(`of ${found.labelled} labelled ones right: ${found.right} in company, ${found.rightAlone} alone`);
    if (found.wrong > 0) process.exitCode = 1;
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
    digest: json.ocellus.images[0]!.sha256,
    logprobs: logprobs!.content.map(({ logprob }) => logprob),
  };
}

async function askAlone(model: Awaited<ReturnType<typeof loadModel>>, number: number): Promise<Answer> {
  const { url, text: asked } = await questionAt(number);
  const messages = [{ role: "user" as const, content: [{ type: "image" as const, image: url }, asked] }];
  const { text, tokens, images } = await model.answer(messages, { maxTokens, sampling: { logprobs: true } });
  return { text, digest: images[0]!.digest, logprobs: tokens.map(({ logprob = 0 }) => logprob) };
}
