// A small web app: a page where a person drops a picture and asks, and the server behind it, in one file.
// Run: npx tsx examples/web-app.ts   then open http://127.0.0.1:3000 (PORT chooses another port)
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { image, loadModel, OcellusError } from "../src/core/runtime/index.js"; // in your own project: from "ocellus"
import { Guards } from "../src/guardrails/index.js"; // in your own project: from "ocellus/guardrails"

const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Ask a picture</title>
<body style="font: 1.1rem/1.6 system-ui; max-width: 36rem; margin: 10vh auto; padding: 0 1rem">
<h1>Ask a picture</h1>
<form><input type="file" name="picture" accept="image/*" required aria-label="Picture">
<p><input name="question" value="What is in the picture?" size="40" aria-label="Question"> <button>Ask</button></form>
<p id="answer" aria-live="polite"></p>
<script>
document.querySelector("form").onsubmit = async (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  const answer = document.getElementById("answer");
  answer.textContent = "…";
  const url = "/ask?question=" + encodeURIComponent(form.get("question"));
  const response = await fetch(url, { method: "POST", body: form.get("picture") });
  answer.textContent = "";
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) answer.textContent += piece;
};
</script>`;

const maxBytes = 20 * 2 ** 20; // a phone photo

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let numBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    numBytes += chunk.length;
    if (numBytes > maxBytes) throw new OcellusError("too_large", `at most ${maxBytes} bytes are read`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const guards = await Guards.open(process.env.OCELLUS_GUARDS); // a policy of docs/guards.md, if there is one
const model = guards.whole(await loadModel("checkpoints/ocellus-tiny", { weights: "int4" }));
const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? "/", "http://localhost");
  if (url.pathname !== "/ask") return response.setHeader("content-type", "text/html; charset=utf-8").end(page);
  const leaving = new AbortController();
  response.once("close", () => leaving.abort()); // who has gone costs nothing more
  try {
    const picture = image(await readBody(request));
    const question = url.searchParams.get("question") ?? "What is in the picture?";
    const messages = [{ role: "user" as const, content: [picture, question] }];
    for await (const event of model.chat(messages, { signal: leaving.signal }))
      if (event.type === "text") response.write(event.text);
    response.end();
  } catch (error) {
    if (!response.headersSent) response.statusCode = 400;
    response.end(error instanceof OcellusError ? error.message : "something went wrong");
  }
});
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
