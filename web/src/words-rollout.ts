/** More words of the page of versions: starting things, figures over time, differences. In both languages. */
import type { WireAlias, WireVersion } from "../../src/protocol/index.js";
import type { Beginning } from "./api.js";
import type { TrialPlan } from "./intents.js";
import { bytesText, type DurationUnit, durationText, percentText, stepsText } from "./quantities.js";

/** What will happen first, where a version is not loaded here yet. */
function loadingEn({ is_loaded, version }: WireVersion, stable: string | undefined): string {
  if (is_loaded) return "It is loaded here: this takes effect at once.";
  return stable === undefined
    ? `${version} is loaded first.`
    : `${version} is loaded first; until then ${stable} goes on answering everybody.`;
}

function loadingZh({ is_loaded, version }: WireVersion, stable: string | undefined): string {
  if (is_loaded) return "它已在此加载：立即生效。";
  return stable === undefined
    ? `${version} 需要先加载。`
    : `${version} 需要先加载；在此之前所有人仍由 ${stable} 回答。`;
}

/** Who or what takes the next step. */
function decidesEn({ steps, analysis, step_seconds, gate }: TrialPlan): string {
  const climb = steps.length > 1 ? ` (${stepsText(steps)})` : "";
  const pace = step_seconds === undefined ? "" : ` Each step lasts at least ${durationText(step_seconds)}.`;
  const asked = gate === undefined ? "" : ` ${gate} is asked before each step.`;
  if (analysis)
    return `The analysis looks at its answers, goes on by itself${climb} and promotes it, or turns it back.${pace}${asked}`;
  return step_seconds === undefined
    ? "Only people decide what follows."
    : `The clock goes on${climb} and promotes it; nobody looks at its answers.${pace}${asked}`;
}

function decidesZh({ steps, analysis, step_seconds, gate }: TrialPlan): string {
  const climb = steps.length > 1 ? `（${stepsText(steps)}）` : "";
  const pace = step_seconds === undefined ? "" : `每一步至少持续 ${durationText(step_seconds)}。`;
  const asked = gate === undefined ? "" : `每一步之前询问 ${gate}。`;
  if (analysis) return `评判器观察它的回答，自行逐步扩大${climb}直至全面启用，或将其撤回。${pace}${asked}`;
  return step_seconds === undefined
    ? "之后如何只由人决定。"
    : `到时间就自动扩大${climb}直至全面启用，不看它的回答。${pace}${asked}`;
}

const tensors = (count: number) => (count === 1 ? "1 tensor" : `${count} tensors`);

export const rolloutEn = {
  begin: {
    open: "Change version…",
    newAlias: "New alias…",
    name: "Name that clients ask for",
    version: "Version",
    none: "No other version is published. Publish one:",
    stats: ({ version, quantization, bytes, is_loaded }: WireVersion) =>
      `${version} · ${quantization} · ${bytesText(bytes)}${is_loaded ? " · loaded" : ""}`,
    how: "What to do with it",
    kinds: { canary: "Try it", deploy: "Deploy it", shadow: "Shadow" } satisfies Record<Beginning, string>,
    analysis: "Let the analysis decide by its answers",
    climbs: (steps: readonly number[]) => `Climbs ${stepsText(steps)}`,
    stays: (share: number) => `Stays at ${percentText(share)} until somebody decides`,
    canary: (version: string, share: number) => `Try ${version} with ${percentText(share)}`,
    deploy: (version: string) => `Deploy ${version}`,
    shadow: (version: string) => `Shadow with ${version}`,
    endShadow: "End the shadow",
    comparedFirst: "First compare only",
    comparedNote: "Loaded and asked what users ask, before any of them gets its answers",
    floor: "Its answers must be so alike in mean, in percent",
    lastsAtLeast: "Each step lasts at least",
    lasts: "Each step lasts (empty: until somebody decides)",
    unit: "Unit",
    units: { minutes: "minutes", hours: "hours", days: "days" } satisfies Record<DurationUnit, string>,
    gate: "Address to ask before each step",
    gateNote: "It allows, holds or turns back; it stands in the history",
    willTry: ({ name, version }: WireAlias, tried: WireVersion, plan: TrialPlan) =>
      `${
        plan.steps[0] === 0
          ? `${tried.version} is asked what users of ${name} ask, and compared; they all stay with ${version} for now.`
          : `${percentText(plan.steps[0]!)} of the users of ${name} get ${tried.version}; the others stay with ${version}.`
      } ${decidesEn(plan)} ${loadingEn(tried, version)}`,
    willDeploy: (name: string, before: string | undefined, version: WireVersion) =>
      before === undefined
        ? `Clients may ask for ${name} and get ${version.version}. ${loadingEn(version, before)}`
        : `All users of ${name} get ${version.version} in place of ${before}, without a trial. A conversation that names itself goes on with the version it began with. ${before} stays the way back. ${loadingEn(version, before)}`,
    willShadow: ({ name, version, shadow }: WireAlias, { version: tag }: WireVersion) =>
      `${tag} runs beside ${version}${shadow === undefined ? "" : ` in place of ${shadow}`}. It is asked what users of ${name} have asked, once they have their answers, and compared; no user gets its answers, testers may ask for it by name. It takes memory and time of this machine.`,
    willEndShadow: ({ name, shadow }: WireAlias) =>
      `${shadow} does not run beside ${name} any more. Nothing changes for its users.`,
  },
  figures: {
    title: "Answers over time",
    range: "Time",
    ranges: { 10: "10 min", 60: "1 h", 360: "6 h", 1440: "24 h" },
    quiet: "No answer in this time.",
    roles: { stable: "serves", canary: "on trial", shadow: "shadow", past: "before" },
    metrics: {
      error: "Failed",
      malformed: "Blocked, empty, cut off or repeating",
      golden: "Wrong on known questions",
      first_token_ms_p50: "First token, median",
      first_token_ms_p95: "First token, 95th percentile",
      tokens_per_second_p50: "Tokens a second, median",
    },
    note: (step: string) =>
      `Each point is ${step} of this server's answers, with its 95% interval; the numbers above a chart are of the whole time, or of the point under the pointer. Upright lines: what changed.`,
    steps: { s: (count: number) => `${count} s`, min: (count: number) => `${count} min` },
    table: "As a table",
    metric: "Measure",
    of: (estimate: string, count: number) => `${estimate} of ${count}`,
    now: "now",
    back: "back",
  },
  diff: {
    published: "Published versions",
    parent: (version: string) => `from ${version}`,
    tuned: (base: string, data: string) => `tuned: base ${base}, data ${data}`,
    by: (name: string, time: string) => `${name}, ${time}`,
    loaded: "loaded here",
    signed: "signed",
    compare: "Compare",
    title: "What differs",
    from: "From",
    to: "To",
    reading: "Reading headers…",
    configs: "Settings",
    file: "Setting",
    value: "Changed",
    whole: "the whole file",
    added: (count: number) => `${tensors(count)} added`,
    removed: (count: number) => `${tensors(count)} removed`,
    reshaped: (count: number) => `${tensors(count)} reshaped`,
    retyped: (count: number) => `${tensors(count)} of another number format`,
    respelled: (count: number) => `${tensors(count)} named differently`,
    more: (count: number) => `and ${count} more`,
    nothing: "By headers and settings nothing differs.",
    readAll: "Compare every value",
    readNote: (bytes: string) => `Reads both versions once (${bytes}), in a thread beside the answers.`,
    progress: (done: string, total: string) => `${done} of ${total} compared`,
    failed: "The values could not be compared:",
    moved: (numChanged: number, numTensors: number) =>
      numChanged === 0 ? "equal" : `${numChanged} of ${numTensors} tensors moved`,
    relative: "Relative change",
    module: "Module",
    modules: (count: number) => `${count} modules`,
    tensors: "Tensors that moved most",
    tensor: "Tensor",
    shape: "Shape",
    largest: "Largest",
  },
};

export type RolloutWords = typeof rolloutEn;

export const rolloutZh: RolloutWords = {
  begin: {
    open: "更换版本…",
    newAlias: "新建别名…",
    name: "客户端请求时使用的名称",
    version: "版本",
    none: "还没有发布其他版本。请先发布：",
    stats: ({ version, quantization, bytes, is_loaded }) =>
      `${version} · ${quantization} · ${bytesText(bytes)}${is_loaded ? " · 已加载" : ""}`,
    how: "如何使用",
    kinds: { canary: "试用", deploy: "直接部署", shadow: "影子运行" },
    analysis: "由评判器根据回答决定去留",
    climbs: (steps) => `逐步扩大：${stepsText(steps)}`,
    stays: (share) => `保持 ${percentText(share)}，直到有人决定`,
    canary: (version, share) => `以 ${percentText(share)} 试用 ${version}`,
    deploy: (version) => `部署 ${version}`,
    shadow: (version) => `影子运行 ${version}`,
    endShadow: "结束影子运行",
    comparedFirst: "先只比较",
    comparedNote: "先加载并回答同样的问题，用户暂时收不到它的回答",
    floor: "回答的平均相似度至少（百分比）",
    lastsAtLeast: "每一步至少持续",
    lasts: "每一步持续（留空：由人决定）",
    unit: "单位",
    units: { minutes: "分钟", hours: "小时", days: "天" },
    gate: "每一步之前询问的地址",
    gateNote: "它可以放行、暂缓或撤回；地址会留在历史中",
    willTry: ({ name, version }, tried, plan) =>
      `${
        plan.steps[0] === 0
          ? `${name} 的用户所问的也会问 ${tried.version}，用来比较；所有人暂时仍用 ${version}。`
          : `${name} 的用户中有 ${percentText(plan.steps[0]!)} 改用 ${tried.version}，其余仍用 ${version}。`
      }${decidesZh(plan)}${loadingZh(tried, version)}`,
    willDeploy: (name, before, version) =>
      before === undefined
        ? `客户端可以请求 ${name}，由 ${version.version} 回答。${loadingZh(version, before)}`
        : `${name} 的所有用户将从 ${before} 改用 ${version.version}，不经试用。带有标识的对话继续使用开始时的版本。${before} 保留为退路。${loadingZh(version, before)}`,
    willShadow: ({ name, version, shadow }, { version: tag }) =>
      `${tag} 在 ${version} 旁运行${shadow === undefined ? "" : `，取代 ${shadow}`}。用户得到 ${name} 的回答之后，同样的问题也会问它，用来比较；用户不会收到它的回答，测试者可以指名使用。它会占用这台机器的内存和时间。`,
    willEndShadow: ({ name, shadow }) => `${shadow} 不再与 ${name} 并行运行。用户不受影响。`,
  },
  figures: {
    title: "回答随时间的变化",
    range: "时间范围",
    ranges: { 10: "10 分钟", 60: "1 小时", 360: "6 小时", 1440: "24 小时" },
    quiet: "这段时间内没有回答。",
    roles: { stable: "正式", canary: "试用", shadow: "影子", past: "以前" },
    metrics: {
      error: "失败",
      malformed: "被拦截、空白、截断或重复",
      golden: "已知问题答错",
      first_token_ms_p50: "首个词元，中位数",
      first_token_ms_p95: "首个词元，第 95 百分位",
      tokens_per_second_p50: "每秒词元数，中位数",
    },
    note: (step) =>
      `每个点代表本服务器 ${step}内的回答及其 95% 区间；图上方的数字是整段时间的，或指针所在点的。竖线表示发生过的变更。`,
    steps: { s: (count) => `${count} 秒`, min: (count) => `${count} 分钟` },
    table: "以表格显示",
    metric: "指标",
    of: (estimate, count) => `${estimate}，共 ${count} 个`,
    now: "现在",
    back: "回滚",
  },
  diff: {
    published: "已发布的版本",
    parent: (version) => `源自 ${version}`,
    tuned: (base, data) => `微调所得：基础模型 ${base}，数据 ${data}`,
    by: (name, time) => `${name}，${time}`,
    loaded: "已在此加载",
    signed: "已签名",
    compare: "比较",
    title: "版本差异",
    from: "从",
    to: "到",
    reading: "正在读取文件头…",
    configs: "配置",
    file: "配置项",
    value: "变化",
    whole: "整个文件",
    added: (count) => `新增 ${count} 个张量`,
    removed: (count) => `移除 ${count} 个张量`,
    reshaped: (count) => `${count} 个张量形状改变`,
    retyped: (count) => `${count} 个张量数值格式改变`,
    respelled: (count) => `${count} 个张量名称不同`,
    more: (count) => `另有 ${count} 项`,
    nothing: "文件头和配置没有差异。",
    readAll: "逐值比较",
    readNote: (bytes) => `将两个版本各读一遍（共 ${bytes}），在回答之外的线程中进行。`,
    progress: (done, total) => `已比较 ${done}，共 ${total}`,
    failed: "无法逐值比较：",
    moved: (numChanged, numTensors) => (numChanged === 0 ? "相同" : `${numTensors} 个张量中有 ${numChanged} 个改变`),
    relative: "相对变化",
    module: "模块",
    modules: (count) => `${count} 个模块`,
    tensors: "变化最大的张量",
    tensor: "张量",
    shape: "形状",
    largest: "最大差值",
  },
};
