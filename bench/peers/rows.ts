/** What is measured of every server: questions, what is read off their answers, and the goals that ours are held to. */
import { wordsOf } from "../support/words.js";
import { ask, type ChatServer, imageOf, paceOf } from "./load.js";

export interface Shapes {
  /** Pixels of a side. */
  readonly image: number;
  readonly largeImage: number;
  readonly clients: number;
  readonly clientTokens: number;
  readonly decodeTokens: number;
  readonly promptTokens: number;
}

export const fullShapes: Shapes = {
  ...{ image: 448, largeImage: 1024, clients: 8, clientTokens: 32, decodeTokens: 64, promptTokens: 256 },
};
export const quickShapes: Shapes = {
  ...{ image: 256, largeImage: 320, clients: 2, clientTokens: 4, decodeTokens: 8, promptTokens: 64 },
};

export type Goal =
  /** So many times as good as a peer, or as the best of them. */
  { readonly against: string; readonly times: number } | { readonly atMost: number };

export interface Row {
  readonly id: string;
  readonly title: string;
  readonly unit: "s" | "tokens/s" | "GB";
  readonly goals: readonly Goal[];
}

/** In tokens/s more is better, otherwise less. */
export const isMoreBetter = ({ unit }: Row) => unit === "tokens/s";

export const best = "the best";

export function rowsOf(shapes: Shapes): readonly Row[] {
  const { image, largeImage, clients, clientTokens, promptTokens } = shapes;
  return [
    { id: "image", title: `first token, new image ${image}²`, unit: "s", goals: [{ against: best, times: 1.5 }] },
    { id: "known-image", title: "first token, known image", unit: "s", goals: [{ against: "vllm", times: 5 }] },
    {
      ...{ id: "large-image", title: `first token, new image ${largeImage}²`, unit: "s" },
      goals: [{ against: best, times: 1.5 }],
    },
    {
      ...{ id: "clients", title: `${clients} clients, new images, ${clientTokens} tokens`, unit: "tokens/s" },
      goals: [{ against: "vllm", times: 2 }],
    },
    { id: "slowest", title: "the slowest of these answers", unit: "tokens/s", goals: [] },
    {
      ...{ id: "decode", title: "decode, one client", unit: "tokens/s" },
      goals: [
        { against: "llama.cpp", times: 1.2 },
        { against: "vllm", times: 3 },
      ],
    },
    {
      ...{ id: "prefill", title: `first token, text of ${promptTokens} tokens`, unit: "s" },
      goals: [{ against: "llama.cpp", times: 1.6 }],
    },
    { id: "json", title: "answer in JSON by a schema", unit: "tokens/s", goals: [] },
    { id: "memory", title: "peak memory after all this", unit: "GB", goals: [] },
    { id: "lean-memory", title: `without 8-bit copies, ${image}²`, unit: "GB", goals: [{ atMost: 3 }] },
    { id: "lean-memory-large", title: `without 8-bit copies, ${largeImage}²`, unit: "GB", goals: [{ atMost: 3 }] },
  ];
}

export type Figures = Readonly<Record<string, number>>;

export interface Step {
  /** The rows that it gives. */
  readonly rows: readonly string[];
  /** Another round, other images and texts; the same for every server. */
  run(server: ChatServer, round: number): Promise<Figures>;
}

const seconds = (ms: number) => ms / 1000;

/** The time of an answer of one token: what a server sends before its first token tells nothing. */
async function firstToken(server: ChatServer, text: string, image?: string): Promise<number> {
  return seconds((await ask(server, { text, ...(image && { image }), maxTokens: 1 })).totalMs);
}

export function stepsOf(shapes: Shapes): readonly Step[] {
  return [
    {
      rows: ["image", "known-image"],
      async run(server, round) {
        const image = await imageOf(shapes.image, seedOf(round, 0));
        const fresh = await firstToken(server, "What is this?", image);
        return { image: fresh, "known-image": await firstToken(server, "Which colours are there?", image) };
      },
    },
    {
      rows: ["decode"],
      run: async (server, round) => ({
        decode: paceOf(await ask(server, { text: wordsOf(16, round), maxTokens: shapes.decodeTokens })),
      }),
    },
    {
      rows: ["prefill"],
      run: async (server, round) => ({
        prefill: await firstToken(server, wordsOf(shapes.promptTokens - templateTokens, seedOf(round, 30))),
      }),
    },
    {
      rows: ["json"],
      async run(server) {
        const answer = await ask(server, invoiceQuestion);
        JSON.parse(answer.text); // a server may have no schemas, and answer all the same
        return { json: answer.tokens / seconds(answer.totalMs) }; // its prompt is known since the warm-up
      },
    },
    {
      rows: ["large-image"],
      run: async (server, round) => ({
        "large-image": await firstToken(server, "What is this?", await imageOf(shapes.largeImage, seedOf(round, 1))),
      }),
    },
    {
      rows: ["clients", "slowest"],
      async run(server, round) {
        const seeds = Array.from({ length: shapes.clients }, (_, client) => seedOf(round, 2 + client));
        const images = await Promise.all(seeds.map((seed) => imageOf(shapes.image, seed)));
        const started = performance.now();
        const answers = await Promise.all(
          images.map((image) => ask(server, { text: "Describe it.", image, maxTokens: shapes.clientTokens })),
        );
        const wallMs = performance.now() - started;
        const tokens = answers.reduce((sum, answer) => sum + answer.tokens, 0);
        return { clients: tokens / seconds(wallMs), slowest: Math.min(...answers.map(paceOf)) };
      },
    },
  ];
}

/** One of each kind of question, short: whatever compiles, allocates or reads from disk at first has done so. */
export async function warmUp(server: ChatServer, shapes: Shapes): Promise<Figures> {
  await ask(server, { text: "What is this?", image: await imageOf(shapes.image, 1), maxTokens: 4 });
  await ask(server, { text: wordsOf(shapes.promptTokens, 1), maxTokens: 4 });
  await ask(server, invoiceQuestion).catch(() => {}); // not every server has schemas; its own row tells
  return {};
}

/** Another number for every image and text of a run. */
const seedOf = (round: number, number: number) => (round + 1) * 100 + number;

// ----------------------------------------------------------------------------------------------------------- texts

/** <|im_start|>user, <|im_end|>, <|im_start|>assistant and their line breaks. */
const templateTokens = 8;

const invoice = `Extract the invoice as JSON.
Northwind Traders, invoice 20391 of 2026-03-14. 2 office chairs, 1 standing desk, 3 desk lamps. Total 1284.50 EUR, paid by bank transfer.`;

const choice = (...values: readonly (string | number)[]) => ({ enum: values });
const object = (properties: object) => ({
  ...{ type: "object", properties, required: Object.keys(properties), additionalProperties: false },
});

/** Values are chosen, not written: random weights would fill free text up to its limit. */
const invoiceFormat = {
  type: "json_schema",
  json_schema: {
    name: "invoice",
    strict: true,
    schema: object({
      seller_name: choice("Northwind Traders", "Southwind Traders"),
      invoice_number: choice("20391", "20392"),
      invoice_date: choice("2026-03-14", "2026-03-15"),
      invoice_lines: {
        ...{ type: "array", minItems: 3, maxItems: 3 },
        items: object({
          item_quantity: choice(1, 2, 3),
          item_description: choice("office chair", "standing desk", "desk lamp"),
        }),
      },
      total_amount: choice("1284.50", "1284.05"),
      total_currency: choice("EUR", "USD"),
      payment_method: choice("bank transfer", "credit card"),
      is_paid: { type: "boolean" },
    }),
  },
};

const invoiceQuestion = { text: invoice, maxTokens: 400, responseFormat: invoiceFormat };
