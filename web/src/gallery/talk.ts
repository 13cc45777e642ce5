/** Questions and answers of the gallery, one of every state, and pictures that are drawn here. */
import type { ContentLogprob } from "../../../src/protocol/index.js";
import type { Cited } from "../citing/cited.js";
import type { Answer, Conversation, Picture, Question } from "../conversation.js";
import { keepConversation, keepPicture } from "../history.js";
import type { Language } from "../preferences.js";
import { plainSettings } from "../preferences.js";

const at = Date.UTC(2026, 10, 2, 9, 30);

export const pictures: readonly Picture[] = [
  { id: "gallery-wide", name: "harbour.jpg", width: 1200, height: 800 },
  { id: "gallery-tall", name: "label.png", width: 600, height: 900 },
  { id: "gallery-moving", name: "waves.gif", width: 480, height: 320, isFirstFrame: true },
];

/** Into this browser, as if they had been picked. */
export async function keepPictures(): Promise<void> {
  for (const [place, { id, width, height }] of pictures.entries()) {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d")!;
    const sky = context.createLinearGradient(0, 0, width, height);
    for (const [i, colour] of [
      ["#e7dcc3", "#7fcabf", "#0d6b66"],
      ["#c08a2e", "#f4f0e7", "#a4563f"],
    ][place % 2]!.entries())
      sky.addColorStop(i / 2, colour);
    context.fillStyle = sky;
    context.fillRect(0, 0, width, height);
    context.fillStyle = "#fffefb";
    context.beginPath();
    context.arc(width * 0.65, height * 0.4, Math.min(width, height) / 6, 0, 7);
    context.fill();
    await keepPicture(id, await canvas.convertToBlob({ type: "image/png" }));
  }
}

const texts = {
  en: {
    question: "What is in this picture, and what could it cost?",
    markdown:
      "A **harbour** at dusk, with one boat:\n\n- the boat is *white*\n- the water is calm\n\n| thing | count |\n| --- | --- |\n| boat | 1 |\n| gull | 12 |\n\n```js\nconst boats = 1;\n```\n\n> A quote, and `code` in a line.",
    short: "A white boat in a harbour.",
    thought: "The light is low, so it may be evening.",
    cut: "The list begins with a boat, a pier, a",
  },
  zh: {
    question: "图片里有什么？大概多少钱？",
    markdown:
      "黄昏的**港口**，有一条船：\n\n- 船是*白色*的\n- 水面平静\n\n| 物品 | 数量 |\n| --- | --- |\n| 船 | 1 |\n| 海鸥 | 12 |\n\n```\n船 = 1\n```\n\n> 引用，以及`代码`。",
    short: "港口里的一条白船。",
    thought: "光线很低，可能是傍晚。",
    cut: "清单上有一条船、一座码头、一",
  },
} as const;

export function talkTexts(language: Language) {
  return texts[language];
}

const logprobOf = (token: string, i: number): ContentLogprob =>
  ({
    token,
    logprob: -0.02 - (i % 7) * 0.21,
    bytes: null,
    top_logprobs: [
      { token, logprob: -0.02 - (i % 7) * 0.21, bytes: null },
      { token: "…", logprob: -2.3 - (i % 3), bytes: null },
    ],
  }) as unknown as ContentLogprob;

/** As long as is asked. */
export function logprobsOf(text: string, count = text.length): ContentLogprob[] {
  const pieces = text.match(/[\s\S]{1,4}/g)!;
  return Array.from({ length: count }, (_, i) => logprobOf(pieces[i % pieces.length]!, i));
}

export function answer(id: string, part: Partial<Answer>): Answer {
  const text = part.text ?? "";
  return {
    ...{ role: "assistant", id, model: "qwen3-vl-2b", settings: plainSettings, askedMs: at, state: "done" },
    ...{ text, numTokens: text.length, logprobs: [], tokensPerSecond: 23.4 },
    ...part,
  };
}

export function asked(id: string, text: string, shown: readonly Picture[] = []): Question {
  return { role: "user", id, text, pictures: shown };
}

const timings = { queue_ms: 2, vision_ms: 310, first_token_ms: 612, total_ms: 2100, tokens_per_second: 23.4 };
export const stats = {
  ...{ timings, model_version: "6f0d2c91ab7e44d3", images: [], guards: [] },
  cache: { vision: "hit", prefix_tokens: 0, images: [] },
  notes: [{ kind: "unlike_images", command: "ocellus pull Qwen/Qwen3-VL-2B-Instruct" }],
} as unknown as NonNullable<Answer["stats"]>;

export const citedPages: Cited = {
  collection: "manuals-2026",
  pages: [
    {
      number: 1,
      source: "boats/harbour.pdf",
      page: 3,
      cited: true,
      picture: pictures[0],
      bytes: 214_000,
      text: "A boat.",
    },
    { number: 2, source: "boats/label.pdf", page: 12, cited: false, picture: pictures[1], bytes: 98_000 },
    { number: 3, source: "boats/old.pdf", page: 1, cited: false },
  ],
};

export const conversationId = "gallery";

/** Into this browser: the rooms read it from there. */
export async function keepTalk(language: Language): Promise<void> {
  const { question, markdown, short } = texts[language];
  const turns = [
    asked("q1", question, pictures.slice(0, 1)),
    answer("a1", { text: markdown, logprobs: logprobsOf(markdown, 60), stats }),
    asked("q2", question, pictures),
    answer("a2", {
      text: short,
      logprobs: logprobsOf(short, 8),
      others: [answer("a0", { text: short, askedMs: at - 1 })],
    }),
  ];
  const conversation: Conversation = { id: conversationId, title: question, changedMs: at, turns };
  for (let base = 0; base < 99; base++) if ((await keepConversation(conversation, base)) !== undefined) return;
}
