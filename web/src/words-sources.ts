/** The words of where pictures come from beside files: pages of a PDF, the camera, the screen, the clipboard. */
import { usePreferences } from "./preferences.js";

const en = {
  camera: "Camera",
  screen: "Screen",
  clipboard: "Clipboard",
  pdf: "PDF",
  notHere:
    "PDFs and collections are the server’s, and the chosen model runs in this browser: nothing is sent. Choose the server’s model for them.",
  sources: "Where from",
  take: "Take the picture",
  cameraTitle: "A picture from the camera",
  cameraNote: "Nothing is sent until you ask.",
  needsHttps: "The browser gives this to pages on https or localhost only.",
  refused: "The browser was not allowed to. Allow it in the address bar and try again.",
  missing: "There is no camera here that can be used.",
  emptyClipboard: "There is no picture in the clipboard.",
  templatesTitle: "Ready questions",
  templates: [
    "Describe this picture.",
    "What does the text in it say?",
    "What is unusual here?",
    "List what you see, with counts.",
  ],
  editTemplates: "Edit the list…",
  oneALine: "One question a line",
  failed: (reason: string) => `That did not work: ${reason}`,
  pdfTitle: (name: string) => `Pages of ${name}`,
  pdfReading: "Drawing the pages…",
  page: (number: number) => `Page ${number}`,
  chosen: (count: number) => (count === 1 ? "Add 1 page" : `Add ${count} pages`),
  choose: "Choose the pages to ask about.",
  more: (rest: number) => (rest === 1 ? "Show the last page" : `Show more of ${rest} further pages`),
  tooMany: (most: number) => `At most ${most} pages in one question.`,
};

const zh: typeof en = {
  camera: "相机",
  screen: "屏幕",
  clipboard: "剪贴板",
  pdf: "PDF",
  notHere: "PDF 和图库由服务器处理，而所选模型在此浏览器中运行，不会发送任何内容。要用它们，请选择服务器上的模型。",
  sources: "图片来源",
  take: "拍照",
  cameraTitle: "用相机拍一张",
  cameraNote: "在你提问之前不会发送任何内容。",
  needsHttps: "浏览器只允许 https 或 localhost 上的页面这样做。",
  refused: "浏览器没有得到许可。请在地址栏中允许后重试。",
  missing: "这里没有可用的相机。",
  emptyClipboard: "剪贴板里没有图片。",
  templatesTitle: "常用问题",
  templates: ["描述这张图片。", "图片里的文字写了什么？", "这里有什么不寻常的地方？", "列出你看到的东西和数量。"],
  editTemplates: "编辑列表……",
  oneALine: "每行一个问题",
  failed: (reason) => `没有成功：${reason}`,
  pdfTitle: (name) => `${name} 的页面`,
  pdfReading: "正在绘制页面……",
  page: (number) => `第 ${number} 页`,
  chosen: (count) => `添加 ${count} 页`,
  choose: "选择要提问的页面。",
  more: (rest) => `还有 ${rest} 页，继续显示`,
  tooMany: (most) => `一次提问最多 ${most} 页。`,
};

export type SourceWords = typeof en;

export function useSourceWords(): SourceWords {
  return usePreferences().language === "zh" ? zh : en;
}
