// A help desk's bot: reads a customer's screenshot, answers what it knows, hands over what it does not.
// Run: npx tsx examples/help-desk.ts [SCREENSHOT…]

import { image, loadModel } from "../src/core/runtime/index.js"; // in your own project: from "ocellus"
import { Guards } from "../src/guardrails/index.js"; // in your own project: from "ocellus/guardrails"

/** What your own team knows of its codes. */
const known: Readonly<Record<string, string>> = {
  "404": "The page has moved. Open it from the start page again.",
};

const named = process.argv.slice(2);
const screenshots =
  named.length > 0 ? named : ["examples/pictures/screen-error.jpg", "examples/pictures/screen-done.jpg"];
const guards = await Guards.open(process.env.OCELLUS_GUARDS); // a policy of docs/guards.md, if there is one
const model = guards.whole(await loadModel("checkpoints/ocellus-tiny", { weights: "int4" }));
const ask = async (screenshot: string, question: string) =>
  (await model.answer([{ role: "user", content: [image(screenshot), question] }])).text.replace(/\.$/, "");

for (const screenshot of screenshots) {
  const [kind, code, advice] = await Promise.all([
    ask(screenshot, "What kind of dialog is this?"),
    ask(screenshot, "What code does the dialog show?"),
    ask(screenshot, "What should the user do next?"),
  ]);
  const reply = known[code] ?? `${advice}.`;
  const handOver = kind === "Error" && !(code in known) ? " (handed over to a person)" : "";
  console.log(`${screenshot}\n  saw: ${kind}, code ${code}\n  reply: ${reply}${handOver}`);
}
await model.close();
