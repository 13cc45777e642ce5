/** deploy/: what can be checked of it without a container engine or a running systemd. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { readConfig } from "../src/cli/commands/serve/config.js";
import { serveConfigSchema } from "../src/cli/commands/serve/settings.js";
import { isMissing } from "../src/core/base/prerequisite.testkit.js";
import { repository, temporaryFolder } from "./support/folders.js";

const read = (name: string) => readFileSync(join(repository, "deploy", name), "utf8");
const [containerfile, unit] = [read("Containerfile"), read("ocellus.service")];

/** OCELLUS_NAME=value, where it is set. */
function variablesOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^[^#\n]*?(OCELLUS_\w+)=(\S+)/gm)].map(([, name, value]) => [name, value]),
  );
}

const homes = ["OCELLUS_CACHE", "OCELLUS_DATA"];

describe.each([
  ["deploy/Containerfile", variablesOf(containerfile)],
  ["deploy/ocellus.service", variablesOf(unit)],
])("%s", (_file, variables) => {
  it("sets variables that are settings, to values that they take", async () => {
    const { config, origins } = await readConfig(new Command("serve"), variables);
    const taken = Object.values(origins).filter((origin) => origin.startsWith("OCELLUS_"));
    expect([...taken, ...homes].sort()).toEqual(Object.keys(variables).sort());
    expect(config.logFormat).toBe("json");
  });
});

it("the container copies what is there, and stops and is checked as docs/deploying.md says", () => {
  const copied = [...containerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names]) => names!.split(" "));
  expect(copied.filter((name) => !existsSync(join(repository, name)))).toEqual([]);
  const { files } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as { files: string[] };
  const needed = files.filter((name) => !["dist", "CHANGELOG.md"].includes(name) && !name.startsWith("!"));
  expect(copied).toEqual(expect.arrayContaining(needed));
  const drainMs = serveConfigSchema.shape.drainMs.parse(undefined);
  const stops = [unit, readFileSync(join(repository, "docs/deploying.md"), "utf8")].flatMap((text) =>
    [...text.matchAll(/(?:TimeoutStopSec=|--stop-timeout |terminationGracePeriodSeconds: )(\d+)/g)].map(([, s]) =>
      Number(s),
    ),
  );
  expect(stops).toHaveLength(3);
  expect(Math.min(...stops)).toBeGreaterThan(drainMs / 1000 + 5);
});

const hasVerifier = spawnSync("systemd-analyze", ["--version"]).status === 0;

it.skipIf(isMissing("systemd-analyze", hasVerifier, "apt install systemd"))(
  "systemd finds no fault in the unit",
  () => {
    const path = join(temporaryFolder(), "ocellus.service");
    writeFileSync(path, unit.replace("/usr/local/bin/ocellus", process.execPath)); // it must be there
    const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", path], { encoding: "utf8" });
    expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: "" });
  },
);
