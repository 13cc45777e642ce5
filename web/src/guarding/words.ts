/** The words of the guards' room beyond its head; they are loaded with it. */
import type { GuardState } from "../../../src/protocol/index.js";
import { type Language, usePreferences } from "../preferences.js";

type Verdict = GuardState["recent"][number]["verdict"];

interface Stopped {
  readonly subject: "text" | "image";
  readonly stage: "input" | "output";
  readonly verdict: Verdict;
  readonly guard: string;
  readonly category: string | undefined;
  readonly percent: string | undefined;
}

const done = {
  en: { allow: "passed", flag: "passed, with a flag", redact: "was cut out in part", block: "was stopped" },
  zh: { allow: "通过", flag: "通过，但被标记", redact: "有部分被删去", block: "被拦截" },
} as const;

const en = {
  stoppedTitle: "What was stopped",
  stoppedNote: "Your own last requests, for as long as this server runs. What passed without a hit is left out.",
  stoppedNone: "Nothing was stopped lately.",
  stopped: ({ subject, stage, verdict }: Stopped) => {
    const what = subject === "text" ? (stage === "input" ? "A text of yours" : "An answer") : "A picture of yours";
    return `${what} ${done.en[verdict]}.`;
  },
  why: ({ guard, category, percent }: Stopped) =>
    category === undefined
      ? `Guard ${guard}.`
      : `Guard ${guard} found ${category}${percent ? `, ${percent} sure` : ""}.`,
  couldNotLook: (guard: string) => `Guard ${guard} could not look:`,
  fromChat: "Its conversation",
  notHere: "The server keeps no texts and no pictures; this one is not in this browser's conversations.",
  show: "Show the picture",
  hide: "Hide it",
  veiled: "A picture that a guard has found something in; it is hidden until you ask for it.",
  passes: "Nothing was found: it passes.",
  replayTitle: "What would a rule have done?",
  replayLead:
    "One more rule, the last of the policy, over what the audit log holds. The log has no texts and no pictures, and only findings that were flagged, cut out or blocked: of what passed in silence it cannot say what a stricter rule would do.",
  guard: "Guard",
  any: "any",
  category: "Category",
  stage: "Door",
  threshold: "From a score of",
  action: "Then",
  actions: { allow: "let pass", flag: "flag", redact: "cut out", block: "block" },
  days: "Days back",
  ask: "Look at the log",
  looking: "Reading the log…",
  replayed: (lines: number, checks: number, reached: number) =>
    `${lines} requests with ${checks} checks are in the log; the rule concerns ${reached} of them.`,
  unchanged: "Nothing would have been different.",
  change: (count: number, before: Verdict, after: Verdict) =>
    `${count} × ${en.verdicts[before]} would have been ${en.verdicts[after]}`,
  verdicts: { allow: "passed", flag: "flagged", redact: "cut out", block: "blocked" },
  newest: "The newest of them",
  cut: "Older lines were not read: there are too many.",
  adminNeeded: "The log is everybody's: it is read with an admin key, which the Versions room asks for.",
};

type GuardWords = typeof en;

const zh: GuardWords = {
  stoppedTitle: "被拦下的内容",
  stoppedNote: "您自己最近的请求，服务器运行期间保留。没有命中的不列出。",
  stoppedNone: "最近没有拦下任何内容。",
  stopped: ({ subject, stage, verdict }) => {
    const what = subject === "text" ? (stage === "input" ? "您的一段文字" : "一个回答") : "您的一张图片";
    return `${what}${done.zh[verdict]}。`;
  },
  why: ({ guard, category, percent }) =>
    category === undefined
      ? `护栏 ${guard}。`
      : `护栏 ${guard} 认为是 ${category}${percent ? `，把握 ${percent}` : ""}。`,
  couldNotLook: (guard) => `护栏 ${guard} 无法检查：`,
  fromChat: "所在的对话",
  notHere: "服务器不保存文字和图片；此浏览器的对话中也没有它。",
  show: "显示图片",
  hide: "隐藏图片",
  veiled: "护栏在这张图片中发现了内容；在您要求之前不显示。",
  passes: "没有发现问题：通过。",
  replayTitle: "一条规则会带来什么？",
  replayLead:
    "把一条新规则放在策略最后，用审计日志来试。日志不含文字和图片，只有被标记、删去或拦截的发现：对于悄然通过的内容，无法说出更严的规则会怎样。",
  guard: "护栏",
  any: "任意",
  category: "类别",
  stage: "位置",
  threshold: "分数不低于",
  action: "则",
  actions: { allow: "放行", flag: "标记", redact: "删去", block: "拦截" },
  days: "最近天数",
  ask: "查看日志",
  looking: "正在读取日志…",
  replayed: (lines, checks, reached) => `日志中有 ${lines} 个请求、${checks} 次检查；规则涉及其中 ${reached} 次。`,
  unchanged: "不会有任何不同。",
  change: (count, before, after) => `${count} 次：${zh.verdicts[before]}会变为${zh.verdicts[after]}`,
  verdicts: { allow: "通过", flag: "标记", redact: "删去", block: "拦截" },
  newest: "其中最近的",
  cut: "更早的行没有读取：数量太多。",
  adminNeeded: "日志属于所有人：读取需要管理密钥，可在“版本”页面输入。",
};

const tables: Readonly<Record<Language, GuardWords>> = { en, zh };

export function useGuardWords(): GuardWords {
  return tables[usePreferences().language];
}
