/** The words of keeping and sharing conversations; they are loaded with it. */
import { type Language, usePreferences } from "../preferences.js";

const en = {
  title: "This conversation",
  name: "Name",
  save: "Save",
  share: "Share or keep",
  page: "Page",
  pageNote: "One HTML file with its pictures. It opens anywhere and runs nothing.",
  markdown: "Markdown",
  markdownNote: "Text for an editor or a wiki; pictures as files beside it.",
  json: "JSON",
  jsonNote: "Can be opened here again, in any browser.",
  kept: "Files hold all that was said, and its pictures. Who gets one can read it all.",
};

type SharingWords = typeof en;

const zh: SharingWords = {
  title: "这段对话",
  name: "名称",
  save: "保存",
  share: "分享或保存",
  page: "网页",
  pageNote: "带图片的单个 HTML 文件。随处都能打开，不运行任何程序。",
  markdown: "Markdown",
  markdownNote: "适合编辑器或维基的文本；图片作为文件放在一旁。",
  json: "JSON",
  jsonNote: "可以在任何浏览器的本页面中重新打开。",
  kept: "文件包含全部对话内容和图片。拿到文件的人都能看到。",
};

const tables: Readonly<Record<Language, SharingWords>> = { en, zh };

export function useSharingWords(): SharingWords {
  return tables[usePreferences().language];
}
