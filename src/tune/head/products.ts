/** The two large products of fitting a head, as small ONNX graphs on all cores: rows · matrix, and rowsᵀ · matrix. */
import { defaultThreads, float32, type GraphSession, openSmallGraph } from "../../core/backend/index.js";
import { openWhole } from "../../core/base/index.js";

/** Row by row. */
export interface Matrix {
  readonly data: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

export class Products {
  readonly #times: GraphSession;
  readonly #transposedTimes: GraphSession;

  private constructor(times: GraphSession, transposedTimes: GraphSession) {
    this.#times = times;
    this.#transposedTimes = transposedTimes;
  }

  static open(threads = defaultThreads()): Promise<Products> {
    return openWhole(
      async (keep) => new Products(await keep(openProduct(threads, 0)), await keep(openProduct(threads, 1))),
    );
  }

  /** [n, k] · [k, m] → [n, m] */
  times(a: Matrix, b: Matrix): Promise<Matrix> {
    return run(this.#times, a, b);
  }

  /** [k, n]ᵀ · [k, m] → [n, m] */
  transposedTimes(a: Matrix, b: Matrix): Promise<Matrix> {
    return run(this.#transposedTimes, a, b);
  }

  async close(): Promise<void> {
    await this.#times.close();
    await this.#transposedTimes.close();
  }
}

function openProduct(threads: number, transA: 0 | 1): Promise<GraphSession> {
  return openSmallGraph("product", { device: "cpu", threads }, (builder) => {
    const a = builder.input("a", "f32", transA ? ["k", "n"] : ["n", "k"]);
    const b = builder.input("b", "f32", ["k", "m"]);
    builder.output("product", builder.root.op("FusedMatMul", [a, b], { transA }));
  });
}

async function run(graph: GraphSession, a: Matrix, b: Matrix): Promise<Matrix> {
  const feeds = { a: float32(a.data, [a.rows, a.columns]), b: float32(b.data, [b.rows, b.columns]) };
  const { product } = await graph.run(feeds, { product: null });
  const [rows, columns] = product!.dims as [number, number];
  return { data: product!.data as Float32Array, rows, columns };
}
