// A product catalogue: every picture of a folder gets a title in two languages, its class and its colour, as JSON lines.
// Run: npx tsx examples/catalogue.ts [FOLDER]
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { image, loadModel } from "../src/core/runtime/index.js"; // in your own project: from "ocellus"
import { Guards } from "../src/guardrails/index.js"; // in your own project: from "ocellus/guardrails"

const questions = {
  title: "Describe this product.",
  title_zh: "描述这件商品。",
  class: "What is in the picture?",
  colour: "What colour is the product?",
};

const folder = process.argv[2] ?? "examples/pictures";
const pictures = (await readdir(folder)).filter((name) => /\.(jpe?g|png|webp)$/i.test(name) && !/^screen/.test(name));
const guards = await Guards.open(process.env.OCELLUS_GUARDS); // a policy of docs/guards.md, if there is one
const model = guards.whole(await loadModel("checkpoints/ocellus-tiny", { weights: "int4" }));
// All at once: they share one running batch, and a picture is encoded once for its four questions.
const rows = pictures.map(async (name) => {
  const fields = Object.entries(questions).map(async ([field, question]) => {
    const { text } = await model.answer([{ role: "user", content: [image(join(folder, name)), question] }]);
    return [field, text];
  });
  return { image: name, ...Object.fromEntries(await Promise.all(fields)) };
});
for (const row of await Promise.all(rows)) console.log(JSON.stringify(row));
await model.close();
