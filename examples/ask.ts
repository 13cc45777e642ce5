// Ask about a picture: the example of the README. In your own project, import from "ocellus".
import { image, loadModel } from "../src/core/runtime/index.js";

const model = await loadModel();
const question = [image("examples/pictures/dress.jpg"), "What colour is it?"];
for await (const event of model.chat([{ role: "user", content: question }])) {
  if (event.type === "text") process.stdout.write(event.text);
  else if (event.type === "end")
    console.log(`\n${event.usage.completionTokens} tokens in ${Math.round(event.timings.totalMs)} ms`);
}
await model.close();
