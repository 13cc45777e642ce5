/** The words of the room of the API, in both languages: loaded with it. */
import { usePreferences } from "../preferences.js";

const en = {
  title: "The API",
  lead: "OpenAI's API for a vision-language model of your own, and what this server has beside it. Each call can be tried here.",
  programs: "For programs:",
  search: "Search",
  nothing: "No call has all these words.",
  groups: {
    models: "Answers and models",
    files: "Files and batches",
    ocellus: "Of Ocellus alone",
    admin: "Versions and engines",
    server: "The server itself",
  },
  request: "Request",
  answer: "Answer",
  optional: "optional",
  listOf: "list of",
  anything: "anything",
  or: "or",
  from: (value: number) => `from ${value}`,
  to: (value: number) => `to ${value}`,
  tryIt: "Try it",
  body: "Body",
  bodyWrong: "This is not JSON yet.",
  send: "Send",
  asCurl: "As a command",
  answered: (status: number, ms: string) => `${status} after ${ms}`,
  adminKey: "Calls under /admin use the admin key of the Versions page.",
};

const zh: typeof en = {
  title: "接口",
  lead: "用自己的视觉语言模型提供 OpenAI 的接口，以及这台服务器自己的接口。每个接口都可以在这里试用。",
  programs: "供程序读取：",
  search: "搜索",
  nothing: "没有符合的接口。",
  groups: {
    models: "回答与模型",
    files: "文件与批处理",
    ocellus: "Ocellus 独有",
    admin: "版本与引擎",
    server: "服务器本身",
  },
  request: "请求",
  answer: "响应",
  optional: "可选",
  listOf: "列表：",
  anything: "任意",
  or: "或",
  from: (value) => `不小于 ${value}`,
  to: (value) => `不大于 ${value}`,
  tryIt: "试一试",
  body: "请求体",
  bodyWrong: "这还不是 JSON。",
  send: "发送",
  asCurl: "写成命令",
  answered: (status, ms) => `${status}，用时 ${ms}`,
  adminKey: "/admin 下的接口使用“版本”页面的管理密钥。",
};

export function useApiWords(): typeof en {
  return usePreferences().language === "zh" ? zh : en;
}
