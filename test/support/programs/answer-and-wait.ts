/** A program of a library's user: one answer, then it stays idle for the given time, as a server does at night. */
import { loadModel } from "../../../src/core/runtime/index.js";

const [checkpoint, question, idleMs] = process.argv.slice(2);
const model = await loadModel(checkpoint!, { device: "cpu", threads: 1 });
for await (const event of model.chat([{ role: "user", content: question! }]))
  if (event.type === "text") process.stdout.write(event.text);
await new Promise((done) => setTimeout(done, Number(idleMs)));
await model.close();
