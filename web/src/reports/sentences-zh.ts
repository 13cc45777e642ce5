/** The program's sentences in Chinese, from their codes and values. The type asks for all of them; others, of newer servers, stay English. */
import type {
  LeftOut,
  NameChange,
  NamedFormat,
  Said,
  SentenceCode,
  SentenceValues,
} from "../../../src/inspect/page/page-data.js";

const titles: Readonly<Record<string, string>> = {
  ...{
    "vision tower": "视觉编码器",
    embeddings: "嵌入层",
    "text tower": "文本编码器",
    decoder: "解码器",
    head: "输出层",
  },
  ...{ other: "其他", resampler: "重采样器", merger: "合并模块", projector: "投影模块" },
};

/** Of a part of a model, as the program names it. */
export function partZh(title: string): string {
  return titles[title] ?? title;
}

const changes: Readonly<Record<NameChange, string>> = {
  ...{ added: "增加", removed: "移除", reshaped: "改形", retyped: "改类型", respelled: "改名" },
};

const leftOut: Readonly<Record<LeftOut, readonly [measure: string, which: string]>> = {
  smallest: ["个张量", "最小的"],
  least_moved: ["个张量", "变动最小的"],
  names: ["个名称", ""],
  values: ["个值", ""],
};

const infinite = {
  more: "B 中的 NaN 或无穷值多于 A",
  fewer: "B 中的 NaN 或无穷值少于 A",
  other: "NaN 或无穷值数量相同，位置不同",
};
const verdicts = { same: "", unsure: "看不出差别", worse: "B 的回答比 A 差", better: "B 的回答比 A 好" };

function formatZh({ weights, blockSize, embeddingWeights }: NamedFormat): string {
  if (!/^int/.test(weights)) return weights;
  return `${weights}（分块 ${blockSize}${embeddingWeights === "int8" ? "" : `，嵌入层 ${embeddingWeights}`}）`;
}

const sentences: { readonly [C in SentenceCode]: (values: SentenceValues[C]) => string } = {
  missing: ({ count }) => `缺少此模型家族需要的 ${count} 个张量`,
  misshapen: ({ count }) => `${count} 个张量的形状与配置不符`,
  twice: ({ count }) => `${count} 个张量以两种写法重复出现`,
  not_finite: ({ name, numNaN, numInfinite }) => `${name} 含有 ${numNaN} 个 NaN 和 ${numInfinite} 个无穷值`,
  zero: ({ name }) => `${name} 全部为零`,
  constant: ({ name, value }) => `${name} 处处为 ${value}`,
  constant_vectors: ({ count }) => `${count} 个向量（归一化、偏置）只有一个值，如同未经训练`,
  exploding: ({ name, ratio }) => `${name} 是中位层的 ${ratio} 倍`,
  dead_rows: ({ name, numDead, numRows }) => `${name}：${numRows} 行中有 ${numDead} 行为零`,
  outliers: ({ name, count, least, most }) =>
    `${name}：${count} 个通道超过中位数的 ${least} 倍，最高 ${most} 倍；4 位会损害它们的邻居`,
  duplicate: ({ first, others }) => `${others.join("、")} 与 ${first} 逐字节相同`,
  left_out: ({ count, all, what }) => {
    const [measure, which] = leftOut[what];
    return `共 ${all} ${measure}，略去${which} ${count} 个`;
  },
  would_fit: ({ formats }) => `${formats.map(formatZh).join("、")} 放得下`,
  shorter_fits: ({ format, tokens }) => `${formatZh(format)} 加上 ${tokens} 个词元的上下文放得下`,
  freed_fits: ({ format, bytes }) => `其他程序释放 ${bytes} 后，${formatZh(format)} 放得下`,
  nothing_fits: ({ format, bytes }) => `都放不下：这台机器运行 ${formatZh(format)} 还缺 ${bytes}`,
  patch: ({ size, width, kernel }) => `${size} 像素 → ${width}，卷积核 ${kernel}`,
  queries: ({ count, width, shape }) => `${count} 个查询，宽 ${width}，${shape}`,
  vocabulary: ({ count, width }) => `${count} 个词元，宽 ${width}`,
  q_proj: ({ shape }) => shape,
  heads: ({ ratio, of }) => {
    const heads = of ? `（${of.queries} 个查询头，${of.keys} 个键头，宽 ${of.width}）` : "";
    return ratio === 1 ? `1 : 1，各头独立${heads}` : `${ratio} : 1，分组${heads}`;
  },
  checkpoint_facts: ({ modelType, parameters, size, numFiles, format }) =>
    [modelType ?? "没有 model_type", `${parameters} 个参数`, size, `${numFiles} 个 ${format} 文件`].join(" · "),
  golden_facts: ({ digest, questions }) => `标准题集 ${digest}，${questions} 个问题`,
  roc_facts: ({ count }) => `护栏校准，${count} 个类别`,
  diff: ({ clauses }) => `${clauses.map((clause) => chineseOf(clause) ?? clause.code).join("；")}。`,
  nothing_differs: () => "没有差别：所有数值和配置都相同",
  values_unread: () => "数值未读取",
  no_value_moved: () => "双方共有的数值都没有变动",
  configs_differ: () => "配置不同",
  headers_same: () => "文件头和配置相同",
  names_differ: ({ count, how }) => `${count} 个张量${changes[how]}`,
  not_finite_differ: ({ count, how }) => `${count} 个张量：${infinite[how]}`,
  only_moved: ({ parts }) => `只有${parts.map(partZh).join("、")}变动`,
  all_moved: ({ most, isOne }) => (isOne ? `${partZh(most)}变动` : `各部分都变动，${partZh(most)}最多`),
  low_rank: ({ count, all, least, most }) =>
    `${all} 个变动的矩阵中有 ${count} 个的变化秩为 ${least === most ? most : `${least} 到 ${most}`}，如同合并的 LoRA`,
  golden_right: ({ percent, correct, questions }) => `正确率 ${percent} %：${questions} 个问题答对 ${correct} 个`,
  golden_verdict: ({ verdict, questions }) =>
    verdict === "same" ? `在全部 ${questions} 个问题上，B 与 A 对错一致` : verdicts[verdict],
  golden_change: ({ questions, lost, gained, points, low, high, p }) =>
    `${questions} 个问题中，A 对而 B 错的 ${lost} 个，A 错而 B 对的 ${gained} 个：${points} 个百分点（95 % 区间 ${low} 至 ${high}）；若两者一样好，偶然出现这种差别的概率为 ${p}。`,
};

/** Undefined for a code that is not known here. */
export function chineseOf({ code, values }: Said): string | undefined {
  return (sentences[code] as ((of: typeof values) => string) | undefined)?.(values);
}
