/** `ocellus serve`: an OpenAI-compatible server for one or more models, with a web page. */
import { basename } from "node:path";
import type { Command } from "commander";
import { pino } from "pino";
import { createApp, createServices, listen, serverConfigSchema } from "../server/index.js";
import { openModel } from "./open-model.js";
import { addModelOptions, integerBetween, type ModelFlags, weightsOption } from "./options.js";
import { versionOf, webPage } from "./package-files.js";
import { printLine, type Terminal } from "./terminal.js";

interface ServeFlags extends ModelFlags {
  readonly host?: string;
  readonly port?: number;
}

export function addServeCommand(program: Command, terminal: Terminal): void {
  addModelOptions(program.command("serve"))
    .addOption(weightsOption())
    .description("serve the model over HTTP, as OpenAI's API does, with a web page")
    .option("--host <address>", "address to listen on (default: 127.0.0.1, this machine only)")
    .option("--port <number>", "port to listen on (default: 8080)", integerBetween(0, 65_535))
    .action((_local: unknown, command: Command) => serve(command.optsWithGlobals(), terminal));
}

async function serve(flags: ServeFlags, terminal: Terminal): Promise<void> {
  const { host, port } = flags;
  const config = serverConfigSchema.parse({ ...(host !== undefined && { host }), ...(port !== undefined && { port }) });
  const services = createServices({
    config,
    log: pino({ level: terminal.stdout.isTTY ? "warn" : "info" }, pino.destination(2)),
    version: versionOf(),
    webFolder: webPage,
  });
  const listening = await listen(createApp(services), config);
  try {
    const model = await openModel(flags, terminal);
    services.models.add(basename(flags.model), model);
    services.models.open();
    printLine(terminal, `${basename(flags.model)} at ${listening.url}/v1, page at ${listening.url}`);
    await stopped(terminal.signal);
  } finally {
    await services.lifecycle.drain(config.drainMs);
    await listening.close();
    for (const { model } of services.models.all()) await model.close();
  }
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
