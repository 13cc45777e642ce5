/** The words of collections as a source, and of the pages that answers are given from; they are loaded with them. */
import { usePreferences } from "../preferences.js";

const en = {
  title: "Search in a collection",
  none: "This server keeps no collections any more. Take the source away, or ask another server.",
  gone: (name: string) => `The collection ${name} is not on this server. Take it away, or choose another.`,
  source: (name: string) => `Pages of ${name}`,
  upTo: "at most",
  pages: (count: number): string => (count === 1 ? "page" : "pages"),
  remove: (name: string) => `Do not search in ${name}`,
  bounds:
    "Goes with the question: each page found, as a picture of at most 1,536 pixels a side, and the start of its text.",
  nothing: (name: string) => `Nothing was found in ${name}. The model answered by itself.`,
  from: (count: number, name: string, size: string) =>
    `Answered from ${count === 1 ? "1 page" : `${count} pages`} of ${name}${size === "" ? "" : ` (${size})`}:`,
  noneNamed: "The answer names none of them.",
  missing: "no longer in the collection",
  lost: (title: string) => `${title} is no longer kept in this browser.`,
  passage: "Text of the page",
  marked: "Marked is the passage that is most like the answer.",
};

const zh: typeof en = {
  title: "在图库中查找",
  none: "这台服务器已经没有图库。请去掉这个来源，或使用别的服务器。",
  gone: (name) => `这台服务器上没有图库 ${name}。请去掉它，或另选一个。`,
  source: (name) => `${name} 的页面`,
  upTo: "最多",
  pages: () => "页",
  remove: (name) => `不在 ${name} 中查找`,
  bounds: "随问题一起发送：找到的每一页，以边长不超过 1536 像素的图片和其文字的开头。",
  nothing: (name) => `在 ${name} 中没有找到任何内容。这是模型自己的回答。`,
  from: (count, name, size) => `根据 ${name} 的 ${count} 页回答${size === "" ? "" : `（${size}）`}：`,
  noneNamed: "回答没有提到其中任何一页。",
  missing: "已不在图库中",
  lost: (title) => `${title} 已不在此浏览器中保存。`,
  passage: "页面文字",
  marked: "标出的是与回答最相近的一段。",
};

export function useCitingWords(): typeof en {
  return usePreferences().language === "zh" ? zh : en;
}
