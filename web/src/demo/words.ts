/** The demo's words. */
import { type Language, usePreferences } from "../preferences.js";

const en = {
  title: "The picture never leaves this page",
  lead: "A small vision-language model runs here, in your browser. There is no server that could see what you show it.",
  drop: "Drop a picture here, paste one, or",
  choose: "choose a file",
  unreadable: (name: string) => `${name} is not a picture that this browser reads.`,
  shownPicture: (name: string) => `The picture: ${name}`,
  ask: "Your question",
  askPlaceholder: "What is in the picture?",
  send: "Ask",
  stop: "Stop",
  examples: "Pictures to try",
  loading: (done: string, total: string) => `Fetching the model, ${done} of ${total}`,
  waiting: "Another tab is fetching the model…",
  opening: "Opening the model…",
  looking: "Looking…",
  failed: "The model cannot run here",
  wentWrong: "That did not work",
  answer: "Answer",
  where: "Where it looked",
  whereNote: "Bright where the model's queries looked most, all layers together.",
  figures: (first: string, rate: string) => `first token after ${first} · ${rate} tokens/s`,
  runsOn: { cpu: "WebAssembly", webgpu: "WebGPU" },
  threads: (count: number) => (count === 1 ? "1 thread" : `${count} threads`),
  notes: {
    unlike_images:
      "This model was not trained on such pictures, so its answer may be wrong: it knows drawn shop windows and dialog boxes, and nothing else.",
    many_images: "This model was trained with fewer pictures in one question.",
  } as Readonly<Record<string, string>>,
  knows:
    "It has 6.5 million parameters and knows drawn shop windows and dialog boxes, in English and Chinese. Models of real photos run the same way and are larger.",
  offline: "Works offline from now on.",
  useDark: "Dark theme",
  useLight: "Light theme",
  otherLanguage: "中文",
};

type Words = typeof en;

const zh: Words = {
  title: "图片不会离开此页面",
  lead: "一个小型视觉语言模型就在您的浏览器里运行。没有任何服务器能看到您的图片。",
  drop: "将图片拖到此处、粘贴，或",
  choose: "选择文件",
  unreadable: (name) => `此浏览器无法读取图片 ${name}。`,
  shownPicture: (name) => `图片：${name}`,
  ask: "您的问题",
  askPlaceholder: "图片里有什么？",
  send: "提问",
  stop: "停止",
  examples: "可以试试这些图片",
  loading: (done, total) => `正在下载模型：${done} / ${total}`,
  waiting: "另一个标签页正在下载模型……",
  opening: "正在打开模型……",
  looking: "正在看……",
  failed: "模型无法在此运行",
  wentWrong: "出错了",
  answer: "回答",
  where: "它看了哪里",
  whereNote: "越亮的地方，模型的查询看得越多（所有层合计）。",
  figures: (first, rate) => `首个词元 ${first} · 每秒 ${rate} 个词元`,
  runsOn: { cpu: "WebAssembly", webgpu: "WebGPU" },
  threads: (count) => `${count} 个线程`,
  notes: {
    unlike_images: "此模型没有学过这类图片，回答可能有误：它只认识绘制的商品橱窗和对话框。",
    many_images: "训练此模型时，一个问题里的图片没有这么多。",
  },
  knows: "它有 650 万个参数，认识绘制的商品橱窗和对话框，会中文和英文。处理真实照片的模型以同样的方式运行，只是更大。",
  offline: "从现在起可离线使用。",
  useDark: "深色主题",
  useLight: "浅色主题",
  otherLanguage: "English",
};

const tables: Readonly<Record<Language, Words>> = { en, zh };

export function useDemoWords(): Words {
  return tables[usePreferences().language];
}
