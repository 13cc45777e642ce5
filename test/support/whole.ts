/** The whole checkpoints of test/golden/whole, tokenizer and template included, and the chats that make_golden.py there had with them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type ChatMessage, image } from "../../src/core/runtime/index.js";
import { repository } from "./folders.js";

const golden = join(repository, "test/golden/whole");

export interface GoldenChat {
  readonly name: string;
  readonly messages: readonly { role: "user" | "assistant"; content: readonly { type: string; text?: string }[] }[];
  readonly sizes: readonly (readonly [width: number, height: number])[];
  readonly promptIds: readonly number[];
  readonly greedyIds: readonly number[];
  readonly margins: readonly number[];
}

/** Their folders are named by their model_type. */
export const wholeFamilies = readdirSync(golden, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

export const wholeFolder = (family: string) => join(golden, family);

export function goldenChats(family: string): GoldenChat[] {
  return JSON.parse(readFileSync(join(golden, family, "answers.json"), "utf8"));
}

/** As make_golden.py draws it. */
export function drawn([width, height]: readonly [number, number]) {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    return [x * 5 + y, y * 7, x * y][i % 3]!;
  });
  return { width, height, data };
}

export function messagesOf({ messages, sizes }: GoldenChat): ChatMessage[] {
  const images = sizes.map((size) => image(drawn(size)));
  return messages.map(({ role, content }) => ({ role, content: content.map(({ text }) => text ?? images.shift()!) }));
}

/** The reference's tokens, up to the first that it chose by less than 0.01: pixels may differ by 2/255 from its own. */
export function sureTokens({ greedyIds, margins }: GoldenChat): readonly number[] {
  const unsure = margins.findIndex((margin) => margin < 0.01);
  return unsure < 0 ? greedyIds : greedyIds.slice(0, unsure);
}
