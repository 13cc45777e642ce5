/** Questions about distinct pictures: those of eval/ and their seven mirrored and turned versions, 18,880 in all. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";

interface Line {
  readonly image: string;
  readonly questions: readonly { question: string; answer: string; accept?: string[] }[];
}

export interface Question {
  readonly url: string;
  readonly text: string;
  /** What is right, for pictures as they are; turned ones have no labels. */
  readonly accepted: readonly string[] | undefined;
}

const folder = join(import.meta.dirname, "../../eval");
const files = ["one-1.jsonl", "one-2.jsonl", "crowded-1.jsonl", "dialog-1.jsonl"];
let lines: readonly Line[] | undefined;

/** The question with this number; another number, another picture, up to 18,880. */
export async function questionAt(number: number): Promise<Question> {
  lines ??= files.flatMap((file) =>
    readFileSync(join(folder, file), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Line),
  );
  // A step that shares no factor with the number of pictures: files and kinds are mixed.
  const { image, questions } = lines[(number * 997) % lines.length]!;
  const version = Math.floor(number / lines.length) % 8;
  const { question, answer, accept = [] } = questions[number % questions.length]!;
  if (version === 0) return { url: image, text: question, accepted: [answer, ...accept] };
  return { url: await turned(image, version), text: question, accepted: undefined };
}

async function turned(url: string, version: number): Promise<string> {
  const picture = sharp(Buffer.from(url.slice(url.indexOf(",") + 1), "base64"));
  const mirrored = version >= 4 ? picture.flop() : picture;
  const bytes = await mirrored
    .rotate((version % 4) * 90)
    .png()
    .toBuffer();
  return `data:image/png;base64,${bytes.toString("base64")}`;
}

/** A chat request for it. */
export function requestOf({ url, text }: Pick<Question, "url" | "text">, extra: object = {}) {
  const content = [
    { type: "image_url", image_url: { url } },
    { type: "text", text },
  ];
  return { messages: [{ role: "user", content }], ...extra };
}

export function postChat(server: string, body: object, signal?: AbortSignal): Promise<Response> {
  return fetch(`${server}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
}

/** So many at once until all numbers below `count` are done. */
export async function inParallel(
  count: number,
  width: number,
  work: (number: number) => Promise<unknown>,
): Promise<void> {
  const numbers = Array.from({ length: count }).keys();
  const worker = async () => {
    for (const number of numbers) await work(number);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
