/** `ocellus doctor`: what this machine has, what is missing, and the command that fixes it. Fails when it cannot answer. */
import { access } from "node:fs/promises";
import { freemem, totalmem } from "node:os";
import type { Command } from "commander";
import { detectDevices, resolveDevice } from "../../../core/backend/index.js";
import { formatBytes, OcellusError } from "../../../core/base/index.js";
import { openCheckpoint } from "../../../core/checkpoint/index.js";
import { dataRoot } from "../../../core/fs/index.js";
import { isCorrect } from "../../../evals/index.js";
import { addModelOptions, type ModelFlags, weightsOption } from "../../options.js";
import { versionOf } from "../../package-files.js";
import { errorMessage } from "../../ui/report-error.js";
import { coloursFor, printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { textTable } from "../../ui/text-layout.js";
import { greedy, questionAbout } from "../ask/answer.js";
import { readExamples } from "../ask/examples.js";
import { folderBytes } from "./folder-bytes.js";
import { withModel } from "./open-model.js";
import { packedFolder } from "./packed-models.js";

/** One line of the report: "note" is worth knowing, "missing" keeps Ocellus from answering. */
interface Finding {
  readonly name: string;
  readonly state: "ok" | "note" | "missing";
  readonly found: string;
  /** The command or the step that fixes it. */
  readonly fix?: string;
}

export function addDoctorCommand(program: Command, terminal: Terminal): void {
  addModelOptions(program.command("doctor"))
    .addOption(weightsOption())
    .description("check versions, devices, memory, cache and model; exit code 0 if all is well")
    .action((_local: unknown, command: Command) => doctor(command.optsWithGlobals(), terminal));
}

async function doctor(flags: ModelFlags, terminal: Terminal): Promise<void> {
  const findings = [
    ...versionFindings(),
    await sharpFinding(),
    ...(await deviceFindings()),
    memoryFinding(),
    await cacheFinding(),
    dataFinding(),
    await modelFinding(flags.model),
    await selfTest(flags, terminal),
  ];
  const missing = findings.filter((finding) => finding.state === "missing");
  if (flags.json) printJson(terminal, { healthy: missing.length === 0, findings });
  else printLine(terminal, findingsTable(findings, terminal));
  if (missing.length === 0) return;
  throw new OcellusError("unavailable", `cannot answer; failed checks: ${missing.map((m) => m.name).join(", ")}`, {
    details: { missing: missing.map((m) => m.name) },
  });
}

function versionFindings(): Finding[] {
  const node = process.versions.node;
  const nodeIsOld = Number(node.split(".")[0]) < 20;
  const fix = { fix: "install Node.js 20 or newer from https://nodejs.org" };
  return [
    { name: "ocellus", state: "ok", found: versionOf() },
    {
      name: "node",
      state: nodeIsOld ? "missing" : "ok",
      found: `${node}, ${process.platform} ${process.arch}`,
      ...(nodeIsOld && fix),
    },
    { name: "onnxruntime-node", state: "ok", found: versionOf("onnxruntime-node") },
  ];
}

/** sharp's native part is an optional install, so it can be missing where all else is there. */
async function sharpFinding(): Promise<Finding> {
  try {
    const { versions } = (await import("sharp")).default;
    return { name: "sharp", state: "ok", found: `${versions.sharp}, libvips ${versions.vips}` };
  } catch (error) {
    return {
      name: "sharp",
      state: "missing",
      found: errorMessage(error),
      fix: "npm install --include=optional sharp",
    };
  }
}

/** Each device tried, and the one that runs when none is named. */
async function deviceFindings(): Promise<Finding[]> {
  const tried = (await detectDevices()).map(
    ({ device, works, found, fix }): Finding => ({
      name: `device ${device}`,
      state: works ? "ok" : device === "cpu" ? "missing" : "note",
      found,
      ...(fix !== undefined && { fix }),
    }),
  );
  return [...tried, { name: "device auto", state: "ok", found: await resolveDevice("auto") }];
}

/** The bundled demo model takes about 150 MB of memory to run; below twice that, answers may swap. */
const littleMemoryBytes = 300e6;

function memoryFinding(): Finding {
  const found = `${formatBytes(freemem())} free of ${formatBytes(totalmem())}`;
  if (freemem() > littleMemoryBytes) return { name: "memory", state: "ok", found };
  return { name: "memory", state: "note", found, fix: "close other programs, or use --weights int4" };
}

async function cacheFinding(): Promise<Finding> {
  const folder = packedFolder();
  return { name: "cache", state: "ok", found: `${folder}, ${formatBytes(await folderBytes(folder))}` };
}

function dataFinding(): Finding {
  try {
    return { name: "data", state: "ok", found: dataRoot() };
  } catch (error) {
    return { name: "data", state: "note", found: errorMessage(error), fix: "set OCELLUS_DATA to a persistent folder" };
  }
}

async function modelFinding(path: string): Promise<Finding> {
  try {
    await access(path);
    const checkpoint = await openCheckpoint(path);
    const numTensors = [...checkpoint.names()].length;
    await checkpoint.close();
    return {
      name: "model",
      state: "ok",
      found: `${path}, ${numTensors} tensors, ${formatBytes(await folderBytes(path))}`,
    };
  } catch (error) {
    return { name: "model", state: "missing", found: errorMessage(error), fix: "npm install ocellus@latest" };
  }
}

/** Asks an example picture its first question: the whole path, from the file to the text. */
async function selfTest(flags: ModelFlags, terminal: Terminal): Promise<Finding> {
  try {
    const example = (await readExamples())[0]!;
    const asked = example.questions[0]!;
    return await withModel(flags, terminal, async (model) => {
      const options = { ...greedy, signal: terminal.signal };
      const { text, timings } = await model.answer(questionAbout(example.images, asked.question), options);
      const right = isCorrect(text, asked);
      const found = `"${asked.question}" → "${text}" in ${Math.round(timings.totalMs)} ms`;
      return {
        name: "self-test",
        state: right ? "ok" : "note",
        found: right ? found : `${found}, expected "${asked.answer}"`,
      };
    });
  } catch (error) {
    return { name: "self-test", state: "missing", found: errorMessage(error) };
  }
}

function findingsTable(findings: readonly Finding[], terminal: Terminal): string {
  const { green, yellow, red, dim } = coloursFor(terminal.stdout);
  const marks = { ok: green("✓"), note: yellow("–"), missing: red("✗") };
  return textTable(
    findings.flatMap(({ name, state, found, fix }) => [
      [marks[state], name, found],
      ...(fix === undefined ? [] : [["", "", dim(`fix: ${fix}`)]]),
    ]),
  );
}
