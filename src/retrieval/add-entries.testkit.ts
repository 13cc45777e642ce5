/** Adds entries to a collection for as long as it lives, telling each that is durable: somebody will kill it. */
import { Collections } from "./collections.js";
import { clustered } from "./vectors.testkit.js";

const [root, name] = process.argv.slice(2);
const collection = await new Collections(root!).open(name!);
const next = clustered(collection.info.model.dimensions, 5, 0.6, process.pid);
for (let i = 0; ; i++) {
  const image = Buffer.alloc(20_000, i);
  const size = { width: 1, height: 1 };
  await collection.add([{ source: `${process.pid}/${i}`, pixels: `${i}`, ...size, vector: next(i), image }]);
  if (i % 10 === 9) await collection.save();
  process.stdout.write(`${i}\n`);
}
