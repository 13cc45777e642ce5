/** Hosts that answer an image request in every wrong way: each fetch ends, says why in our words, and leaves nothing open. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { OcellusError } from "../core/base/index.js";
import { until } from "../core/base/until.testkit.js";
import { fetchImage, type Surroundings } from "./fetch-image.js";
import { isPublicAddress } from "./public-address.js";

const png = Buffer.from("89504e470d0a1a0a0000000d49484452", "hex");
const limits = { maxBytes: 1000, timeoutMs: 60_000 };
const endless = "endless ".repeat(1000);

/** What a host does with a connection whose request has arrived. */
type Behaviour = (socket: Socket) => void;
const says =
  (...parts: (string | Buffer)[]): Behaviour =>
  (socket) => {
    for (const part of parts) socket.write(part);
    socket.end();
  };
/** Without closing the connection. */
const stalls =
  (...parts: (string | Buffer)[]): Behaviour =>
  (socket) => {
    for (const part of parts) socket.write(part);
  };
/** For as long as anybody listens. */
const repeats =
  (first: string, again: string, everyMs: number): Behaviour =>
  (socket) => {
    socket.write(first);
    const timer = setInterval(() => socket.write(again), everyMs);
    socket.once("close", () => clearInterval(timer));
  };
const resets =
  (...parts: string[]): Behaviour =>
  (socket) => {
    for (const part of parts) socket.write(part);
    setTimeout(() => socket.resetAndDestroy(), 20);
  };
const ok = "HTTP/1.1 200 OK\r\n";
const redirect = (to: string) => says(`HTTP/1.1 302 Found\r\nlocation: ${to}\r\ncontent-length: 0\r\n\r\n`);

const hosts: [name: string, Behaviour, code: string, reason?: string][] = [
  [
    "switches protocols",
    says("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
    "invalid_image",
    "broken",
  ],
  [
    "switches protocols and stays",
    stalls("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
    "invalid_image",
    "broken",
  ],
  ["switches protocols without saying to which", stalls("HTTP/1.1 101 Switching Protocols\r\n\r\n"), "invalid_image"],
  ["says nothing", stalls(), "invalid_image", "late"],
  ["closes at once", says(), "invalid_image", "broken"],
  ["resets at once", resets(), "invalid_image", "broken"],
  ["half-closes and says nothing", (socket) => void socket.end(), "invalid_image", "broken"],
  ["sends half of its headers", stalls(ok, "content-le"), "invalid_image", "late"],
  ["sends half of its headers and closes", says(ok, "content-le"), "invalid_image", "broken"],
  ["sends headers without end", repeats(ok, `x: ${endless}\r\n`, 1), "invalid_image", "broken"],
  ["sends headers drop by drop", repeats(ok, "x: y\r\n", 20), "invalid_image", "late"],
  ["sends interim answers without end", repeats("", "HTTP/1.1 102 Processing\r\n\r\n", 1), "invalid_image", "broken"],
  ["continues without end", repeats("", "HTTP/1.1 100 Continue\r\n\r\n", 1), "invalid_image", "broken"],
  ["drips its body", repeats(`${ok}content-length: 900\r\n\r\n`, "x", 20), "invalid_image", "late"],
  ["promises more than it sends", says(`${ok}content-length: 500\r\n\r\n`, png), "invalid_image", "broken"],
  ["promises more than is read", stalls(`${ok}content-length: 100000\r\n\r\n`), "too_large"],
  ["promises a length that is no number", says(`${ok}content-length: many\r\n\r\n`, png), "invalid_image", "broken"],
  [
    "promises two lengths",
    says(`${ok}content-length: 3\r\ncontent-length: 16\r\n\r\n`, png),
    "invalid_image",
    "broken",
  ],
  [
    "sends chunks without end",
    repeats(`${ok}transfer-encoding: chunked\r\n\r\n`, "40\r\n".concat("x".repeat(64), "\r\n"), 1),
    "too_large",
  ],
  [
    "sends empty bytes of a chunk that never comes",
    stalls(`${ok}transfer-encoding: chunked\r\n\r\nffffff\r\n`),
    "invalid_image",
    "late",
  ],
  ["sends a chunk of no size", says(`${ok}transfer-encoding: chunked\r\n\r\nzz\r\nxx\r\n`), "invalid_image", "broken"],
  ["sends a body without a length or an end", repeats(`${ok}\r\n`, "x".repeat(100), 1), "too_large"],
  ["resets in its body", resets(`${ok}content-length: 500\r\n\r\n`, "x"), "invalid_image", "broken"],
  ["sends a gzip bomb", says(`${ok}content-encoding: gzip\r\n\r\n`, gzipSync(Buffer.alloc(500_000))), "invalid_image"],
  ["speaks HTTP/0.9", says("<html>here it is</html>"), "invalid_image", "broken"],
  ["speaks something else", says("220 smtp.inside.test ESMTP\r\n"), "invalid_image", "broken"],
  ["speaks TLS on a plain port", says(Buffer.from("15030300020228", "hex")), "invalid_image", "broken"],
  ["says it has moved to nowhere", says("HTTP/1.1 302 Found\r\n\r\n"), "invalid_image", "status"],
  ["says it has moved to itself", redirect("/again"), "invalid_image", "redirects"],
  ["says it has moved inside", redirect("http://inside.test/"), "invalid_request"],
  ["says it has moved to the metadata of a cloud", redirect("http://169.254.169.254/latest"), "invalid_request"],
  ["says it has moved to a file", redirect("file:///etc/passwd"), "invalid_request"],
  ["says it has failed", says("HTTP/1.1 500 at db-7.inside.test\r\n\r\n"), "invalid_image", "status"],
  ["has nothing", says("HTTP/1.1 204 No Content\r\n\r\n"), "invalid_image", "status"],
  ["sends nothing", says(`${ok}content-length: 0\r\n\r\n`), "invalid_image"],
  ["sends what is no picture", says(`${ok}\r\n<html></html>`), "invalid_image"],
];

let host: Server;
let behaviour: Behaviour;
const open = new Set<Socket>();
beforeAll(async () => {
  host = createServer({ allowHalfOpen: false }, (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket)).on("error", () => {});
    socket.once("data", () => behaviour(socket));
  });
  await once(host.listen(0, "127.0.0.1"), "listening");
});
afterAll(() => host.close());

const world: Surroundings = {
  resolve: async (name) => (name === "outside.test" ? ["127.0.0.1"] : ["10.0.0.7"]),
  isAllowed: (address) => address === "127.0.0.1" || isPublicAddress(address),
};
const port = () => (host.address() as AddressInfo).port;
const fetchFrom = (url: string, own = limits) => fetchImage(url, own, new AbortController().signal, world);

it.each(hosts)("a host that %s", async (_, misbehaviour, code, reason) => {
  behaviour = misbehaviour;
  const own = reason === "late" ? { ...limits, timeoutMs: 400 } : limits;
  const error = await fetchFrom(`http://outside.test:${port()}/a`, own).catch((failed: unknown) => failed);
  expect(error).toBeInstanceOf(OcellusError);
  expect(error).toMatchObject({ code });
  if (reason !== undefined) expect(error).toMatchObject({ details: { param: "image_url", reason } });
  const told = `${(error as Error).message} ${JSON.stringify((error as OcellusError).details)}`;
  expect(told).not.toMatch(new RegExp(`inside|outside|127\\.0|169\\.254|${port()}|passwd|E[A-Z]{4,}|HPE_`));
  await until(() => expect(open.size).toBe(0));
});

it("a port that no one listens on, and TLS where none is spoken", async () => {
  await expect(fetchFrom("http://outside.test:1/")).rejects.toMatchObject({ details: { reason: "refused" } });
  behaviour = says("HTTP/1.1 200 OK\r\n\r\n");
  await expect(fetchFrom(`https://outside.test:${port()}/`)).rejects.toMatchObject({ details: { reason: "tls" } });
  await until(() => expect(open.size).toBe(0));
});

it("a name that does not exist is refused as one that leads inside", async () => {
  const errorOf = (name: string, resolve: Surroundings["resolve"]) =>
    fetchImage(`http://${name}/`, limits, new AbortController().signal, { ...world, resolve }).catch(
      ({ code, message, details }) => ({ code, message, details }),
    );
  const missing = await errorOf("nowhere.test", async () => {
    throw Object.assign(new Error("getaddrinfo ENOTFOUND nowhere.test"), { code: "ENOTFOUND" });
  });
  expect(await errorOf("inside.test", async () => ["10.0.0.7"])).toEqual(missing);
  expect(await errorOf("empty.test", async () => [])).toEqual(missing);
});

it("whoever asked and leaves waits for no host", async () => {
  behaviour = stalls("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n");
  const leaving = new AbortController();
  const fetched = fetchImage(`http://outside.test:${port()}/a`, limits, leaving.signal, world);
  leaving.abort();
  await expect(fetched).rejects.toMatchObject({ code: "aborted" });
  await until(() => expect(open.size).toBe(0));
});
