/** The words of the page of versions, in both languages: loaded with that page. */
import type { WireAlias, WireComparison, WireHistoryEntry } from "../../src/protocol/index.js";
import { usePreferences } from "./preferences.js";
import { percentText, stepsText } from "./quantities.js";
import { rolloutEn, rolloutZh } from "./words-rollout.js";

export const versionsEn = {
  rollout: rolloutEn,
  title: "Versions",
  lead: "What every alias serves, what is tried in its place, and what the analysis has seen of it. Read every second.",
  missing: "This server has no registry of versions. Start it with one:",
  empty: "No alias serves a version yet. Publish a model and deploy it:",
  keyNeeded: "Versions are changed with an admin key.",
  keyMade: "The server prints one for its run when it is started in a terminal. For keys that last:",
  serves: (version: string) => `serves ${version}`,
  since: (time: string) => `since ${time}`,
  before: (versions: string) => `Before: ${versions}`,
  shadow: (version: string) => `Shadow: ${version}`,
  alike: (version: string, { served, num_pairs, num_exact, num_failed, num_dropped, similarity }: WireComparison) =>
    `Asked too: ${version}, ${percentText(similarity)} alike to ${served} over ${num_pairs} questions. ${num_exact} answers the same, ${num_failed} failed, ${num_dropped} questions left out.`,
  unrecorded:
    "Rolled back in this server alone: the journal cannot be written. It is tried again; a restart before that forgets it.",
  notInForce: "This server still answers as before: a version is loading, or could not be loaded.",
  failed: (version: string) => `${version} could not be loaded:`,
  tries: (version: string, share: number) => `tries ${version} with ${percentText(share)} of the users`,
  analysis: (steps: string) => `Analysed by its answers: ${steps}`,
  unanalysed: "Only people decide.",
  lasts: (time: string) => `Each step lasts at least ${time}.`,
  asks: (gate: string) => `Asked before each step: ${gate}.`,
  paused: "The analysis is paused.",
  noEvidence: "Nothing has been counted at this share yet.",
  verdict: "The analysis says:",
  metric: "Bad answers",
  metrics: {
    error: "Failed",
    slow_first_token: "Slow first token",
    slow_tokens: "Slow to write",
    blocked: "Blocked by a guard",
    malformed: "Empty, cut off or repeating",
    golden: "Wrong on known questions",
    disagreement: "Other than the stable version's",
  } as Readonly<Record<string, string>>,
  of: (bad: number, count: number) => `${percentText(bad)} of ${count}`,
  ofUsers: (bad: number, users: number, count: number) =>
    `${percentText(bad)} in mean over about ${users} ${users === 1 ? "user" : "users"}, ${count} answers`,
  share: "Share of the canary",
  promote: "Promote",
  pause: "Pause the analysis",
  resume: "Resume the analysis",
  rollback: "Roll back",
  setShare: (share: number) => `Set to ${percentText(share)}`,
  willPromote: ({ name, version, canary }: WireAlias) =>
    `All users of ${name} get ${canary?.version} in place of ${version}. A conversation that names itself goes on with the version it began with. ${version} stays the way back.`,
  willEnd: ({ name, version, canary }: WireAlias) =>
    `All users of ${name} get ${version} at once, also in conversations that began with ${canary?.version}. The trial of ${canary?.version} is over.`,
  willReturn: ({ name, version, previous }: WireAlias, isLoaded: boolean) =>
    `All users of ${name} get ${previous[0]} in place of ${version}, also in conversations that began with it. ${
      isLoaded
        ? "It is loaded here: this takes effect at once."
        : `It is loaded first; until then ${version} goes on answering.`
    }`,
  willPause: ({ canary }: WireAlias) =>
    `The analysis neither promotes ${canary?.version} nor turns it back until it is resumed. Its ${percentText(canary?.share ?? 0)} of the users stay with it.`,
  willResume: ({ canary }: WireAlias) =>
    `The analysis goes on, and may promote ${canary?.version} or turn it back by itself.`,
  willShare: ({ name, canary }: WireAlias, share: number) =>
    `${canary?.version} gets ${percentText(share)} of the users of ${name} in place of ${percentText(canary?.share ?? 0)}. The analysis begins to count anew.`,
  history: "History",
  historyMore: "Only the newest entries; all of them:",
  happened: ({ kind, alias, version, from, share, steps, comparison }: WireHistoryEntry): string =>
    ({
      published: `${version} published`,
      removed: `${version} removed`,
      deployed: `${alias} serves ${version}`,
      canary_started: `${alias} tries ${version}: ${stepsText(steps)}`,
      share_changed: `${alias}: the canary gets ${percentText(share ?? 0)}`,
      paused: `${alias}: the analysis is paused`,
      resumed: `${alias}: the analysis goes on`,
      promoted: `${alias} serves ${version}, promoted`,
      rolled_back: `${alias} is back at ${version}, away from ${from}`,
      shadow_started: `${alias} is shadowed by ${version}`,
      shadow_ended: `${alias} has no shadow any more`,
      compared: `${alias}: ${version} is ${percentText(comparison?.similarity ?? 0)} alike over ${comparison?.num_pairs} questions`,
    })[kind] ?? kind,
};

export type VersionsWords = typeof versionsEn;

const versionsZh: VersionsWords = {
  rollout: rolloutZh,
  title: "版本",
  lead: "每个别名提供哪个版本、正在试用哪个版本、评判器看到了什么。每秒读取一次。",
  missing: "这台服务器没有版本库。请这样启动：",
  empty: "还没有别名提供版本。请先发布并部署一个模型：",
  keyNeeded: "更改版本需要管理密钥。",
  keyMade: "在终端中启动服务器时会显示本次运行的密钥。长期使用的密钥：",
  serves: (version) => `提供 ${version}`,
  since: (time) => `自 ${time}`,
  before: (versions) => `之前：${versions}`,
  shadow: (version) => `影子版本：${version}`,
  alike: (version, { served, num_pairs, num_exact, num_failed, num_dropped, similarity }) =>
    `同时询问了 ${version}：${num_pairs} 个问题上与 ${served} 的回答相似度为 ${percentText(similarity)}，相同 ${num_exact} 个，失败 ${num_failed} 个，略过 ${num_dropped} 个问题。`,
  unrecorded: "仅在这台服务器上回滚：日志无法写入。服务器会重试；若在此之前重启，回滚会丢失。",
  notInForce: "这台服务器仍按原样回答：有版本正在加载，或无法加载。",
  failed: (version) => `${version} 无法加载：`,
  tries: (version, share) => `以 ${percentText(share)} 的用户试用 ${version}`,
  analysis: (steps) => `按回答评判：${steps}`,
  unanalysed: "只由人决定。",
  lasts: (time) => `每一步至少持续 ${time}。`,
  asks: (gate) => `每一步之前询问：${gate}。`,
  paused: "评判已暂停。",
  noEvidence: "在当前比例下还没有统计数据。",
  verdict: "评判器说：",
  metric: "不良回答",
  metrics: {
    error: "失败",
    slow_first_token: "首个词元慢",
    slow_tokens: "输出慢",
    blocked: "被护栏拦截",
    malformed: "空白、截断或重复",
    golden: "已知问题答错",
    disagreement: "与稳定版本的回答不同",
  },
  of: (bad, count) => `${count} 个中 ${percentText(bad)}`,
  ofUsers: (bad, users, count) => `约 ${users} 个用户平均 ${percentText(bad)}，共 ${count} 个回答`,
  share: "试用比例",
  promote: "全面启用",
  pause: "暂停评判",
  resume: "恢复评判",
  rollback: "回滚",
  setShare: (share) => `设为 ${percentText(share)}`,
  willPromote: ({ name, version, canary }) =>
    `${name} 的所有用户将从 ${version} 改用 ${canary?.version}。带有标识的对话继续使用开始时的版本。${version} 保留为退路。`,
  willEnd: ({ name, version, canary }) =>
    `${name} 的所有用户立即使用 ${version}，包括从 ${canary?.version} 开始的对话。${canary?.version} 的试用结束。`,
  willReturn: ({ name, version, previous }, isLoaded) =>
    `${name} 的所有用户将从 ${version} 改回 ${previous[0]}，包括从它开始的对话。${
      isLoaded ? "它已在此加载：立即生效。" : `需要先加载；在此之前仍由 ${version} 回答。`
    }`,
  willPause: ({ canary }) =>
    `恢复之前，评判器既不启用也不撤回 ${canary?.version}。它的 ${percentText(canary?.share ?? 0)} 用户保持不变。`,
  willResume: ({ canary }) => `评判器继续工作，可能自行启用或撤回 ${canary?.version}。`,
  willShare: ({ name, canary }, share) =>
    `${canary?.version} 在 ${name} 的用户中的比例从 ${percentText(canary?.share ?? 0)} 变为 ${percentText(share)}。评判器重新计数。`,
  history: "历史",
  historyMore: "只显示最新的记录；查看全部：",
  happened: ({ kind, alias, version, from, share, steps, comparison }) =>
    ({
      published: `发布 ${version}`,
      removed: `删除 ${version}`,
      deployed: `${alias} 提供 ${version}`,
      canary_started: `${alias} 试用 ${version}：${stepsText(steps)}`,
      share_changed: `${alias}：试用比例为 ${percentText(share ?? 0)}`,
      paused: `${alias}：评判已暂停`,
      resumed: `${alias}：评判已恢复`,
      promoted: `${alias} 全面启用 ${version}`,
      rolled_back: `${alias} 从 ${from} 回到 ${version}`,
      shadow_started: `${alias} 的影子版本为 ${version}`,
      shadow_ended: `${alias} 不再有影子版本`,
      compared: `${alias}：${version} 的回答在 ${comparison?.num_pairs} 个问题上相似度为 ${percentText(comparison?.similarity ?? 0)}`,
    })[kind] ?? kind,
};

export function useVersionsWords(): VersionsWords {
  return usePreferences().language === "zh" ? versionsZh : versionsEn;
}
