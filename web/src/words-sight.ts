/** The words of the large picture and of what answers show on it, in both languages: loaded with the first picture. */
import { usePreferences } from "./preferences.js";

const en = {
  picture: "Picture",
  pictures: "Pictures of this conversation",
  hide: "Hide the picture",
  dragging: "Dragging",
  mark: "Mark",
  move: "Move",
  markHint: "Drag over the picture to ask about a part of it.",
  markKeys: (name: string) => `${name}: press Enter to mark a part`,
  marked: (left: number, right: number, top: number, bottom: number) =>
    `Marked part, from ${left}% to ${right}% across and ${top}% to ${bottom}% down. Arrow keys move it, with Shift they resize it, Delete removes it, Enter asks.`,
  part: (name: string) => `Part of ${name}`,
  full: "Full screen",
  readText: "Read the text in the picture",
  textNotHere:
    "The server reads text, and the chosen model runs in this browser: the picture is not sent. Choose the server’s model to have its text read.",
  text: "Text in the picture",
  readingText: "Reading the text…",
  numLines: (count: number) => (count === 1 ? "1 line" : `${count} lines`),
  noText: "No text was found in this picture.",
  moreText: "There are more lines than are read of one picture.",
  copyAll: "Copy all",
  noOcr: "This server has no OCR. Install its networks (16 MB) where Ocellus is installed, and start the server again:",
  places: "What the answer names on the picture",
  value: "Answer",
  check: "check this",
  doubtful: (count: number, all: number) =>
    count === 0 ? `Sure of all ${all} values.` : `${count} of ${all} values ${count === 1 ? "is" : "are"} doubtful.`,
  orElse: (value: string, share: string) => `or ${value} (${share})`,
  form: "Form",
  json: "JSON",
  lookingAgain: "Looking again…",
  wholeAnswer: "Whole answer",
  layer: "Layer",
  allLayers: "all",
  little: "little",
  most: "most",
  lookedShare: (share: string) =>
    `${share} of the attention lies on this picture, the rest on words. Point at a word to see where the model looked as it wrote it.`,
};

const zh: typeof en = {
  picture: "图片",
  pictures: "本次对话的图片",
  hide: "收起图片",
  dragging: "拖动方式",
  mark: "框选",
  move: "移动",
  markHint: "在图片上拖出一个框，就可以只问这一部分。",
  markKeys: (name) => `${name}：按回车键框选一部分`,
  marked: (left, right, top, bottom) =>
    `框选的部分：横向 ${left}% 到 ${right}%，纵向 ${top}% 到 ${bottom}%。方向键移动，Shift 加方向键调整大小，Delete 删除，回车提问。`,
  part: (name) => `${name} 的一部分`,
  full: "全屏",
  readText: "读取图片中的文字",
  textNotHere: "文字由服务器读取，而所选模型在此浏览器中运行，图片不会发送。要读取文字，请选择服务器上的模型。",
  text: "图片中的文字",
  readingText: "正在读取文字……",
  numLines: (count) => `${count} 行`,
  noText: "这张图片中没有找到文字。",
  moreText: "图片中的行数超过一次能读取的数量。",
  copyAll: "全部复制",
  noOcr: "这台服务器没有文字识别。请在安装 Ocellus 的地方安装识别网络（16 MB），再重新启动服务器：",
  places: "回答在图片中指出的内容",
  value: "回答",
  check: "请核对",
  doubtful: (count, all) => (count === 0 ? `全部 ${all} 个值都有把握。` : `${all} 个值中有 ${count} 个没有把握。`),
  orElse: (value, share) => `也可能是 ${value}（${share}）`,
  form: "表单",
  json: "JSON",
  lookingAgain: "正在重新看……",
  wholeAnswer: "整个回答",
  layer: "层",
  allLayers: "全部",
  little: "看得少",
  most: "看得最多",
  lookedShare: (share) => `注意力有 ${share} 落在这张图片上，其余落在文字上。指向一个词，就能看到写它时模型在看哪里。`,
};

export function useSightWords(): typeof en {
  return usePreferences().language === "zh" ? zh : en;
}
