/** The site: English at /, Chinese at /zh/, sidebars by role. Pages are gathered by build.mjs. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { defineConfig } from "vitepress";

const page = (text, link) => ({ text, link });
const docs = resolve(import.meta.dirname, "../..");
/** All pages of a folder, by their headings; folded away. */
const folderOf = (text, folder) => ({
  text,
  collapsed: true,
  items: readdirSync(join(docs, folder)).map((name) => {
    const [, heading] = /^# (.+)/.exec(readFileSync(join(docs, folder, name), "utf8"));
    return page(heading.replaceAll("`", ""), `/${folder}/${name.replace(/\.md$/, "")}`);
  }),
});
const english = [
  { text: "Start", items: [page("What it is", "/"), page("Getting started", "/getting-started"), page("Examples", "/examples")] },
  {
    text: "App developers",
    items: [
      page("Number formats", "/quantization"),
      page("Adapters", "/adapters"),
      page("Teach it your images", "/tuning"),
      page("Reasoning", "/reasoning"),
      page("Caches", "/memory"),
      page("Tracing", "/tracing"),
      page("Speculative decoding", "/speculation"),
      page("Devices", "/devices"),
      page("In the browser", "/browser"),
      page("Familiarity", "/familiarity"),
      page("Confidence of fields", "/fields"),
      page("Boxes and points", "/places"),
      page("Text in images", "/reading"),
      page("Documents", "/documents"),
      page("Videos", "/videos"),
      page("Middleware", "/middleware"),
      page("Coding assistants (MCP)", "/mcp"),
      page("API reference", "/api/"),
    ],
  },
  {
    text: "Operators",
    items: [
      page("Serving", "/serving"),
      page("Deploying", "/deploying"),
      page("Gateway", "/gateway"),
      page("Past one machine", "/scaling"),
      page("Guardrails", "/guards"),
      page("Blocklists", "/guards-words"),
      page("Versions and canaries", "/versions"),
      page("Engines elsewhere", "/engines"),
      page("Golden sets", "/golden"),
      page("Batches", "/batch"),
      page("Retrieval", "/finding"),
      page("Pulling", "/pulling"),
      page("Privacy", "/privacy"),
      page("The page", "/page"),
      page("Security", "/security"),
    ],
  },
  {
    text: "Model engineers",
    items: [
      page("Architecture", "/architecture"),
      page("Adding a model", "/adding-a-model"),
      page("Inspecting", "/inspect"),
      page("Image processors", "/image-processors"),
      page("Benchmarks", "/benchmarks"),
      folderOf("Model families", "models"),
      folderOf("Decisions", "decisions"),
      page("Training the demo model", "/training"),
      page("Contributing", "/contributing"),
      page("Changes", "/changelog"),
      page("What was tried", "/log"),
    ],
  },
];
const chinese = [
  { text: "开始", items: [page("是什么", "/zh/"), page("快速入门", "/zh/getting-started"), page("服务", "/zh/serving"), page("用您的图片教它", "/zh/tuning")] },
  { text: "英文文档", items: [page("全部页面", "/"), page("API 参考", "/api/")] },
];

export default defineConfig({
  title: "Ocellus",
  description: "A TypeScript runtime and server for vision-language models.",
  srcDir: ".cache/pages",
  outDir: "dist",
  cacheDir: ".cache/vite",
  markdown: { html: false }, // `<name>` in a text is text
  vite: { build: { chunkSizeWarningLimit: 4000 } },
  themeConfig: { search: { provider: "local" }, outline: [2, 3] },
  locales: {
    root: { label: "English", lang: "en", themeConfig: { sidebar: english } },
    zh: {
      label: "简体中文",
      lang: "zh-CN",
      description: "用 TypeScript 写成的视觉语言模型运行时和服务器。",
      themeConfig: { sidebar: chinese, outline: { label: "本页内容" }, docFooter: { prev: "上一页", next: "下一页" } },
    },
  },
});
