/**
 * deploy/ for several machines, without a cluster or a container engine: files parse, name settings and commands that there are,
 * and the chart's values are those that its templates read and its schema allows. docs/scaling.md says what helm itself was asked.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { readConfig } from "../src/cli/commands/serve/config.js";
import { createProgram } from "../src/cli/main.js";
import type { Terminal } from "../src/cli/ui/terminal.js";
import { repository } from "./support/folders.js";

const folder = join(repository, "deploy");
const read = (name: string) => readFileSync(join(folder, name), "utf8");
const yaml = (name: string) => parse(read(name), { merge: true, strict: true });
const chart = readdirSync(join(folder, "helm/templates"))
  .map((name) => read(`helm/templates/${name}`))
  .join("\n");
const values = yaml("helm/values.yaml");

/** Names that the environment of a server may have, of those given: settings, and the queue of `ocellus batch`. */
async function unknownOf(names: readonly string[]): Promise<string[]> {
  const text: Readonly<Record<string, string>> = { OCELLUS_METRICS_NAMES: "vllm" }; // one that takes a word of a list
  const variables = Object.fromEntries(names.map((name) => [name, text[name] ?? "1"]));
  const { origins } = await readConfig(new Command("serve"), variables);
  const known = new Set([...Object.values(origins), "OCELLUS_QUEUE", "OCELLUS_CACHE", "OCELLUS_DATA"]);
  return names.filter((name) => !known.has(name));
}
const variablesIn = (text: string) => [...new Set(text.match(/OCELLUS_[A-Z_]+/g) ?? [])];

describe("deploy/compose.yaml", () => {
  const { services, volumes } = yaml("compose.yaml");

  it("names settings, services and volumes that there are", async () => {
    expect(await unknownOf(variablesIn(read("compose.yaml")))).toEqual([]);
    for (const [name, service] of Object.entries<any>(services)) {
      for (const needed of Object.keys(service.depends_on ?? {})) expect(Object.keys(services), name).toContain(needed);
      const mounted = (service.volumes ?? []).map((mount: string) => mount.split(":")[0]);
      for (const source of mounted.filter((each: string) => !each.startsWith(".")))
        expect(volumes).toHaveProperty(source);
    }
  });

  it("gives servers longer to stop than their answers have, and settings that they take", async () => {
    for (const name of ["server-a", "server-b"]) {
      expect(services[name].stop_grace_period).toBe("45s");
      const { config } = await readConfig(new Command("serve"), services[name].environment);
      expect(config).toMatchObject({ redisUrl: "redis://valkey:6379", metricsNames: "vllm", requestsPerMinute: 600 });
    }
  });

  it("starts a worker by a command that there is", async () => {
    const program = await createProgram({ signal: new AbortController().signal } as Terminal, "batch");
    const words: string[] = services.worker.command;
    expect(chart).toContain("            - batch\n            - worker\n");
    const found = words.reduce<Command | undefined>(
      (command, word) => command?.commands.find((each) => each.name() === word),
      program,
    );
    expect(found?.name()).toBe("worker");
  });
});

describe("deploy/helm", () => {
  const schema = JSON.parse(read("helm/values.schema.json"));
  const validate = new Ajv({ strict: false }).compile(schema);

  it("has values that its schema allows, and a schema that refuses what is misspelt", () => {
    expect(validate(values), JSON.stringify(validate.errors)).toBe(true);
    for (const wrong of [
      { ...values, gatewey: {} },
      { ...values, settings: { MAX_QUEUE: "1" } },
      { ...values, settings: { OCELLUS_MAX_QUEUE: 1 } },
      { ...values, inferencePool: { ...values.inferencePool, of: "gateway" } },
      { ...values, secrets: { keys: "" } },
    ])
      expect(validate(wrong)).toBe(false);
  });

  it("reads values that there are, and all of them", () => {
    const has = (path: string) => path.split(".").reduce((value, name) => value?.[name], values) !== undefined;
    const paths = [...chart.matchAll(/\.Values\.([\w.]+)/g)].map(([, path]) => path!);
    expect(paths.length).toBeGreaterThan(30);
    expect(paths.filter((path) => !has(path))).toEqual([]);
    for (const path of [...chart.matchAll(/\$values\.(\w+)/g)].map(([, name]) => name!))
      for (const of of ["server", "batchWorker"]) expect(has(`${of}.${path}`), `${of}.${path}`).toBe(true);
    const used = new Set(paths.map((path) => path.split(".")[0]));
    expect(Object.keys(values).filter((name) => !used.has(name))).toEqual([]);
  });

  it("calls templates that it defines", () => {
    const names = (pattern: RegExp) => new Set([...chart.matchAll(pattern)].map(([, name]) => name));
    expect(names(/include "([^"]+)"/g)).toEqual(names(/define "([^"]+)"/g));
  });

  it("sets settings that there are", async () => {
    expect(await unknownOf([...variablesIn(chart), ...Object.keys(values.settings)])).toEqual([]);
  });

  it("selects for an endpoint picker the pods that it makes", () => {
    const { modelServers } = yaml("inferencepool-values.yaml").router;
    expect(modelServers.targetPorts).toEqual([{ number: 8080 }]);
    expect(modelServers.matchLabels["app.kubernetes.io/component"]).toBe("server");
    expect(chart).toContain("app.kubernetes.io/name: ocellus");
    expect(chart).toContain("containerPort: 8080");
  });
});

it("deploy/ray/serve.yaml builds an app of vLLM's engine for the model of the chart", () => {
  const [{ import_path, args }] = yaml("ray/serve.yaml").applications;
  expect(import_path).toBe("ray.serve.llm:build_openai_app");
  expect(args.llm_configs[0].model_loading_config.model_source).toBe(values.vllm.model);
});
