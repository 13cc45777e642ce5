/** The words of the X-ray room beyond those of the first look; they are loaded with it. */
import { type Language, usePreferences } from "../preferences.js";

const en = {
  loaded: "Loaded here",
  published: "Published versions",
  compareWith: "Compare with",
  nothingElse: "nothing",
  diffTitle: (a: string, b: string) => `From ${a} to ${b}`,
  flowTitle: "The way of an answer",
  flowNote: "Times are of the last answer of this model in this browser.",
  flowNone: "Ask this model something, and its times stand here.",
  question: "Picture and words",
  next: "Next token",
  ms: (value: string) => `${value} ms`,
  visionKnown: "picture known: 0 ms",
  toFirst: (value: string) => `${value} ms to the first token`,
  perToken: (value: string) => `then ${value} ms a token`,
  valuesTitle: "Every value",
  valuesNote: (bytes: string) =>
    `Reads all ${bytes} once, beside the answers: health, every tensor with its histogram, curves over the layers, what 4 bits would lose.`,
  valuesNoteUnknown:
    "Reads every value once, beside the answers: health, every tensor with its histogram, curves over the layers, what 4 bits would lose.",
  read: "Read every value",
  reading: (done: string, all: string) => `${done} of ${all}`,
};

type XrayWords = typeof en;

const zh: XrayWords = {
  loaded: "已加载",
  published: "已发布的版本",
  compareWith: "与之比较",
  nothingElse: "不比较",
  diffTitle: (a, b) => `从 ${a} 到 ${b}`,
  flowTitle: "一次回答的路径",
  flowNote: "时间取自此浏览器中该模型最近的一次回答。",
  flowNone: "向这个模型提一个问题，这里就会显示时间。",
  question: "图片和文字",
  next: "下一个词元",
  ms: (value) => `${value} 毫秒`,
  visionKnown: "图片已知：0 毫秒",
  toFirst: (value) => `首个词元 ${value} 毫秒`,
  perToken: (value) => `之后每个词元 ${value} 毫秒`,
  valuesTitle: "每一个数值",
  valuesNote: (bytes) => `在回答之余把全部 ${bytes} 读一遍：健康状况、每个张量的直方图、逐层曲线、4 位量化会损失什么。`,
  valuesNoteUnknown: "在回答之余把所有数值读一遍：健康状况、每个张量的直方图、逐层曲线、4 位量化会损失什么。",
  read: "读取所有数值",
  reading: (done, all) => `${done} / ${all}`,
};

const tables: Readonly<Record<Language, XrayWords>> = { en, zh };

export function useXrayWords(): XrayWords {
  return tables[usePreferences().language];
}
