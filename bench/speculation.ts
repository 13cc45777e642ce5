/**
 * Decoding with speculation against one token a step, by turns, with equal answers: JSON by a schema from a text that holds the
 * values, copying a text, and chat, where little repeats itself.
 *
 *   npm run bench -- speculation --model FOLDER [--weights int4] [--block-size 32] [--rounds 2] [--tokens 160] [--sequences 1] [--draft-model FOLDER]
 *
 * The folder is a checkpoint with a tokenizer; of random weights (`npm run random-checkpoint`) the JSON says something, for its
 * form does not depend on them. Opens the model twice.
 */
import { parseArgs } from "node:util";
import type { ChatOptions, ChatResult, VisionLanguageModel } from "../src/core/runtime/index.js";
import { loadModel, OcellusError } from "../src/core/runtime/index.js";

const invoice = `Invoice 20391 of Harbour Tools Ltd., 14 Quay Street, Bristol, to Maria Okafor.
Order date 2026-03-14, delivery date 2026-03-21.
2 x Torque wrench 40-200 Nm at 89.50, 1 x Feeler gauge set at 12.25, 4 x Nitrile gloves (box) at 9.10.
Subtotal 227.65, VAT 45.53, total due 273.18 EUR.`;

const text = { type: "string", maxLength: 60 };
const schema = {
  type: "object",
  properties: {
    invoice_number: text,
    seller_name: text,
    seller_address: text,
    customer_name: text,
    order_date: text,
    delivery_date: text,
    currency: { enum: ["EUR", "USD", "GBP"] },
    total_due: { type: "number" },
  },
  required: [
    ...["invoice_number", "seller_name", "seller_address", "customer_name"],
    ...["order_date", "delivery_date", "currency", "total_due"],
  ],
  additionalProperties: false,
};

interface Task {
  readonly name: string;
  readonly question: string;
  readonly options?: ChatOptions;
}

const tasks: readonly Task[] = [
  {
    name: "JSON extraction",
    question: `${invoice}\n\nWrite the fields of this invoice as JSON.`,
    options: { responseFormat: { type: "json_schema", schema } },
  },
  { name: "copying", question: `Repeat this text word for word, and nothing else:\n\n${invoice}` },
  { name: "chat", question: "Why does bread rise, and what goes wrong when it does not? Answer in one paragraph." },
];

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      model: { type: "string" },
      weights: { type: "string", default: "int4" },
      "block-size": { type: "string", default: "32" },
      rounds: { type: "string", default: "2" },
      tokens: { type: "string", default: "160" },
      sequences: { type: "string", default: "1" },
      "draft-model": { type: "string" },
    },
  });
  const draftModel = values["draft-model"];
  const open = (speculation: "auto" | "off") =>
    loadModel(values.model, {
      weights: values.weights as "int4",
      blockSize: Number(values["block-size"]) as 32,
      device: "cpu",
      speculation,
      ...(speculation === "auto" && draftModel !== undefined && { draftModel }),
    });
  const models = { off: await open("off"), on: await open("auto") };
  const shape = {
    rounds: Number(values.rounds),
    maxTokens: Number(values.tokens),
    sequences: Number(values.sequences),
  };
  try {
    for (const task of tasks) await compare(await possible(task, models.on), models, shape);
  } finally {
    await Promise.all([models.off.close(), models.on.close()]);
  }
}

/** Without the schema where the vocabulary bears none (SmolLM2's lacks single bytes): the prompt asks for JSON all the same. */
async function possible(task: Task, model: VisionLanguageModel): Promise<Task> {
  try {
    await model.prepare([{ role: "user", content: task.question }], task.options);
    return task;
  } catch (error) {
    if (!(error instanceof OcellusError && error.code === "unsupported")) throw error;
    return { name: `${task.name}, free`, question: task.question };
  }
}

type Models = Readonly<Record<"off" | "on", VisionLanguageModel>>;
interface Shape {
  readonly rounds: number;
  readonly maxTokens: number;
  readonly sequences: number;
}

async function compare({ name, question, options }: Task, models: Models, { rounds, maxTokens, sequences }: Shape) {
  const rates = { off: [] as number[], on: [] as number[] };
  const texts = new Set<string>();
  let last: ChatResult | undefined;
  for (let round = 0; round < rounds; round++) {
    for (const mode of ["off", "on"] as const) {
      const messages = [{ role: "user" as const, content: question }];
      const ask = () => models[mode].answer(messages, { ...options, maxTokens });
      const results = await Promise.all(Array.from({ length: sequences }, ask));
      rates[mode].push(results.reduce((sum, { timings }) => sum + timings.tokensPerSecond, 0));
      last = results[0]!;
      texts.add(last.text);
    }
  }
  const [off, on] = [Math.max(...rates.off), Math.max(...rates.on)];
  const { draftedTokens, acceptedTokens, forcedTokens } = last!.timings;
  const rate = (n: number) => n.toFixed(1).padStart(6);
  console.log(
    `${name.padEnd(22)} ${last!.tokens.length} tokens  off ${rate(off)}  on ${rate(on)} tokens/s  ${(on / off).toFixed(2)}x  ` +
      `drafted ${draftedTokens}, right ${acceptedTokens}, forced ${forcedTokens}  ${texts.size === 1 ? "equal" : "DIFFERENT"}`,
  );
}
