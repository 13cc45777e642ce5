/** The words of models in this browser, in both languages: loaded when one is chosen, and with the settings. */
import { usePreferences } from "../preferences.js";

const en = {
  title: "In this browser",
  /** What choosing it means, in one sentence. */
  meaning: (name: string, size: string, where: string) =>
    `${name} answers in this browser: the picture never leaves this device, ${size} are downloaded once and kept, and it runs ${where}.`,
  meaningStored: (name: string, size: string, where: string) =>
    `${name} answers in this browser: the picture never leaves this device, the ${size} it needs are stored here, and it runs ${where}.`,
  maybeWebGpu: (threads: string) => `on WebGPU if that computes rightly here, else in WebAssembly with ${threads}`,
  wasmOnly: (threads: string) => `in WebAssembly with ${threads}`,
  threads: (count: number) => (count === 1 ? "one thread" : `${count} threads`),
  runsOn: { cpu: "WebAssembly", webgpu: "WebGPU" } as Readonly<Record<string, string>>,
  ready: (where: string) => `Open in this browser: ${where}. The picture never leaves this device.`,
  openButton: "Open",
  downloadButton: "Download and open",
  resumeButton: "Continue the download",
  closeButton: "Close and free its memory",
  fetching: (done: string, total: string) => `Downloading the model, ${done} of ${total}`,
  waiting: "Another tab is downloading the model…",
  opening: "Opening the model…",
  noRoom: (needed: string, found: string) =>
    `Not possible here: it needs ${needed} more of this browser's storage, and ${found} are free. Remove stored models in the settings, or free space on the disk.`,
  storedTitle: "Models stored in this browser",
  storedNone: "None. A model that is chosen “in this browser” is stored when it is first opened.",
  storedPart: "incomplete",
  remove: (name: string) => `Remove ${name} from this browser`,
  removeButton: "Remove",
  inUse: "Another tab has a model open. Close it there, then remove it here.",
};

const zh: typeof en = {
  title: "在此浏览器中",
  meaning: (name, size, where) =>
    `${name} 在此浏览器中回答：图片不会离开这台设备，${size} 只下载一次并保存，${where}运行。`,
  meaningStored: (name, size, where) =>
    `${name} 在此浏览器中回答：图片不会离开这台设备，所需的 ${size} 已保存在这里，${where}运行。`,
  maybeWebGpu: (threads) => `若此处 WebGPU 计算正确则用 WebGPU，否则用 WebAssembly（${threads}）`,
  wasmOnly: (threads) => `用 WebAssembly（${threads}）`,
  threads: (count) => `${count} 个线程`,
  runsOn: { cpu: "WebAssembly", webgpu: "WebGPU" },
  ready: (where) => `已在此浏览器中打开：${where}。图片不会离开这台设备。`,
  openButton: "打开",
  downloadButton: "下载并打开",
  resumeButton: "继续下载",
  closeButton: "关闭并释放内存",
  fetching: (done, total) => `正在下载模型：${done} / ${total}`,
  waiting: "另一个标签页正在下载模型……",
  opening: "正在打开模型……",
  noRoom: (needed, found) =>
    `此处无法运行：还需要 ${needed} 的浏览器存储空间，只剩 ${found}。请在设置中删除已保存的模型，或清理磁盘。`,
  storedTitle: "保存在此浏览器中的模型",
  storedNone: "没有。选择“在此浏览器中”的模型，首次打开时会保存在这里。",
  storedPart: "未下载完",
  remove: (name) => `从此浏览器中删除 ${name}`,
  removeButton: "删除",
  inUse: "另一个标签页打开着模型。请先在那里关闭，再在这里删除。",
};

export type BrowserWords = typeof en;

export function useBrowserWords(): BrowserWords {
  return usePreferences().language === "zh" ? zh : en;
}
