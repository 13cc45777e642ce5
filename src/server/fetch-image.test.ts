/** A world with two names and one real server on the loopback, allowed or not as the test says. */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FetchLimits, fetchImage, type Surroundings } from "./fetch-image.js";
import { isPublicAddress } from "./public-address.js";

const png = Buffer.from("89504e470d0a1a0a0000000d49484452", "hex");
let server: Server;
let port: number;
let hits: string[] = [];
let answer: (response: ServerResponse) => void;
beforeAll(async () => {
  server = createServer((request, response) => {
    hits.push(`${request.headers.host}${request.url}`);
    answer(response);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** `good.test` is our server, taken for a public one; all other names are judged as they are. */
const surroundings = (resolved: Record<string, string[]> = {}): Surroundings => ({
  resolve: async (name) => resolved[name] ?? (name === "good.test" ? ["127.0.0.1"] : ["10.0.0.1"]),
  isAllowed: (address) => address === "127.0.0.1" || isPublicAddress(address),
});
const refusedCode = { code: "invalid_request" };
const limits = { maxBytes: 1000, timeoutMs: 60_000 };
const fetchFrom = (
  url: string,
  world = surroundings(),
  own: FetchLimits = limits,
  signal = new AbortController().signal,
) => {
  hits = [];
  return fetchImage(url.replace("PORT", String(port)), own, signal, world);
};

describe("a picture by its address", () => {
  it("comes from a public machine, connected to by the address that was checked", async () => {
    answer = (response) => response.end(png);
    expect(Buffer.from(await fetchFrom("http://good.test:PORT/a.png"))).toEqual(png);
    expect(hits).toEqual([`good.test:${port}/a.png`]);
  });

  it("is not fetched when one of the name's addresses is private, and no connection is made", async () => {
    const mixed = surroundings({ "mixed.test": ["127.0.0.1", "169.254.169.254"] });
    await expect(fetchFrom("http://mixed.test:PORT/", mixed)).rejects.toMatchObject({ code: "invalid_request" });
    await expect(fetchFrom("http://inside.test:PORT/")).rejects.toMatchObject({ code: "invalid_request" });
    await expect(fetchFrom("http://[::1]:PORT/")).rejects.toMatchObject({ code: "invalid_request" });
    expect(hits).toEqual([]);
  });

  it("gains nothing by a name that points elsewhere a moment later: it is resolved once", async () => {
    answer = (response) => response.end(png);
    let asked = 0;
    const rebinding: Surroundings = {
      ...surroundings(),
      resolve: async () => (asked++ === 0 ? ["127.0.0.1"] : ["10.0.0.1"]),
    };
    await fetchFrom("http://rebinding.test:PORT/", rebinding);
    expect(asked).toBe(1);
  });

  it("passes the same door at every redirect, and not forever", async () => {
    answer = (response) => response.writeHead(302, { location: "http://inside.test/secret" }).end();
    await expect(fetchFrom("http://good.test:PORT/")).rejects.toMatchObject({ code: "invalid_request" });
    answer = (response) => response.writeHead(302, { location: "file:///etc/passwd" }).end();
    await expect(fetchFrom("http://good.test:PORT/")).rejects.toMatchObject({ code: "invalid_request" });
    answer = (response) => response.writeHead(302, { location: "/again" }).end();
    await expect(fetchFrom("http://good.test:PORT/")).rejects.toMatchObject({ details: { reason: "redirects" } });
    expect(hits).toHaveLength(6);
  });

  it("is bounded in bytes, which are counted as they come", async () => {
    answer = (response) => response.end(Buffer.alloc(5000));
    const counted: number[] = [];
    const own = { ...limits, onBytes: (numBytes: number) => counted.push(numBytes) };
    await expect(fetchFrom("http://good.test:PORT/", surroundings(), own)).rejects.toMatchObject({ code: "too_large" });
    answer = (response) => response.end(png);
    await fetchFrom("http://good.test:PORT/", surroundings(), own);
    expect(counted).toEqual([png.length]);
  });

  it("is bounded in time, names included, and by its asker's patience", async () => {
    answer = () => {};
    const short = { ...limits, timeoutMs: 100 };
    await expect(fetchFrom("http://good.test:PORT/", surroundings(), short)).rejects.toMatchObject({
      details: { reason: "late" },
    });
    const silent = { ...surroundings(), resolve: () => new Promise<never>(() => {}) };
    await expect(fetchFrom("http://slow.test/", silent, short)).rejects.toMatchObject({ details: { reason: "late" } });
    const left = fetchFrom("http://good.test:PORT/", surroundings(), limits, AbortSignal.timeout(50));
    await expect(left).rejects.toMatchObject({ code: "aborted" });
  });

  it("is a picture by its bytes, whatever its server says", async () => {
    answer = (response) => response.writeHead(200, { "content-type": "image/png" }).end("<html>not a picture</html>");
    await expect(fetchFrom("http://good.test:PORT/")).rejects.toMatchObject({ code: "invalid_image" });
  });

  it("comes from a private network where the host is on the list, by its name and port", async () => {
    answer = (response) => response.end(png);
    const listed = (imageHosts: readonly string[], allowsPublic = false) => ({ ...limits, imageHosts, allowsPublic });
    const world = { ...surroundings({ "nas.lan": ["127.0.0.1"] }), isAllowed: isPublicAddress };
    const ours = `nas.lan:${port}`;
    expect(Buffer.from(await fetchFrom("http://nas.lan:PORT/a.png", world, listed([ours])))).toEqual(png);
    const refusedUrls = [
      "http://nas.lan:1/",
      "http://NAS.lan.:PORT/",
      "http://127.0.0.1:PORT/",
      "http://x.nas.lan:PORT/",
    ];
    for (const url of refusedUrls)
      for (const allowsPublic of [false, true])
        await expect(fetchFrom(url, world, listed([ours], allowsPublic)), url).rejects.toMatchObject({
          code: "invalid_request",
          details: { param: "image_url" },
        });
    expect(hits).toEqual([]);
    await expect(fetchFrom("http://nas.lan:PORT/", world, listed(["nas.lan"]))).rejects.toMatchObject(refusedCode);
    answer = (response) => response.writeHead(302, { location: "http://good.test/" }).end();
    await expect(fetchFrom("http://nas.lan:PORT/", world, listed([ours]))).rejects.toMatchObject(refusedCode);
    for (const address of ["169.254.169.254", "fd00:ec2::254", "0.0.0.0", "224.0.0.1", "fe80::1", "::ffff:10.0.0.1"]) {
      const moved = { ...world, resolve: async () => [address] };
      await expect(fetchFrom("http://nas.lan:PORT/", moved, listed([ours])), address).rejects.toMatchObject(
        refusedCode,
      );
    }
  });
});

it.each([
  ...["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "0.0.0.0"],
  ...[
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fd00:ec2::254",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
  ],
])("%s is nobody's public address", (address) => {
  expect(isPublicAddress(address)).toBe(false);
});

it.each(["1.1.1.1", "93.184.216.34", "2606:4700::1111"])("%s is a public address", (address) => {
  expect(isPublicAddress(address)).toBe(true);
});
