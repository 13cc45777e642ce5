/** The bundled demo model with noise on one matrix: a version that is as fast, answers as long and fails as seldom, and is wrong. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toBFloat16Bits, toFloat32 } from "../../src/core/tensor/index.js";
import { seeded } from "../../src/rollout/analysis/seeded.testkit.js";

const disturbed = "vision_tower.blocks.3.attn.proj.weight";

/** Writes a copy of the bundled demo model. @param noise relative to the matrix's own spread */
export function disturb(box: string, target: string, noise: number): void {
  cpSync(box, target, { recursive: true });
  const path = join(target, "model.safetensors");
  const bytes = readFileSync(path);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + headerLength));
  const found = header[disturbed];
  if (found?.dtype !== "BF16") throw new Error(`${disturbed}: expected BF16, found ${found?.dtype}`);
  const [begin, end] = found.data_offsets.map((offset: number) => 8 + headerLength + offset);
  const data = Uint8Array.from(bytes.subarray(begin, end));
  const values = toFloat32(data, "bf16");
  const spread = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  const random = seeded(1);
  for (let i = 0; i < values.length; i++) {
    const gauss = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    values[i] = values[i]! + noise * spread * gauss;
  }
  bytes.set(new Uint8Array(toBFloat16Bits(values).buffer), begin);
  writeFileSync(path, bytes);
}
