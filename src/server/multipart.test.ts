import { expect, it } from "vitest";
import { parseMultipart } from "./multipart.js";

const type = "multipart/form-data; boundary=B";
const part = (name: string, value: string, more = "") =>
  `--B\r\ncontent-disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
const bytes = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));
const parse = (text: string, as = type) => parseMultipart(bytes(text), as);

it("reads forms as clients send them, with either kind of boundary", async () => {
  const sent = new FormData();
  sent.set("purpose", "vision");
  sent.set("file", new File([new Uint8Array(100_000).fill(45)], 'é"--.png', { type: "image/png" }));
  const request = new Request("http://x", { method: "POST", body: sent });
  const read = await parseMultipart(new Uint8Array(await request.arrayBuffer()), request.headers.get("content-type")!);
  expect(read!.get("purpose")).toBe("vision");
  expect((read!.get("file") as File).size).toBe(100_000);
  for (const as of [type, 'multipart/form-data; charset=utf-8; boundary="B"'])
    expect((await parse(`${part("a", "1")}--B--\r\n`, as))!.get("a")).toBe("1");
});

it("knows what is no form", async () => {
  for (const [text, as] of [
    ["", type],
    ["--B", type],
    [part("a", "1"), "multipart/form-data"],
    [part("a", "1"), `multipart/form-data; boundary=${"B".repeat(71)}`],
    ["x", "multipart/form-data; boundary=B"],
  ] as const)
    expect(await parse(text, as)).toBeUndefined();
});

it.each([
  ["many parts", part("a", "").repeat(100)],
  ["many delimiters that are no parts", "--B".repeat(100)],
  ["a long name", part("%22".repeat(5000), "")],
  ["a long header", `--B\r\n${"x: y\r\n".repeat(5000)}\r\n--B--\r\n`],
  ["a header without end", `--B\r\n${"x".repeat(5000)}`],
])("refuses %s before the form is parsed", async (_, text) => {
  await expect(parse(text)).rejects.toMatchObject({ code: "too_large", details: { limit: expect.any(Number) } });
});
