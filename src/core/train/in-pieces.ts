/**
 * Gradients block by block: all pieces are run forwards, keeping what goes into each; then, from the last to the first that is trained,
 * each computes its inside once more together with its gradients. The results are those of one graph, and one block's inside is in
 * memory at a time. Graphs are opened by the caller, on whatever device.
 */
import { nearestHint, nearestNames, OcellusError } from "../base/index.js";
import { between, type Graph, valueNamed } from "../graph/index.js";
import { crossEntropyGradients } from "./cross-entropy.js";
import { type TrainingPiece, trainingPieces } from "./pieces.js";
import { gradientOf, vjp } from "./vjp.js";

type Named<T> = Readonly<Record<string, T>>;

/** A graph that can be run, and its tensors. */
export interface OpenedGraph<T> {
  run(feeds: Named<T>, outputs: Named<null>): Promise<Named<T>>;
  close(): Promise<void>;
}

export interface InPieces {
  /** What goes through all pieces: `inputs_embeds`, `pixel_values`. */
  readonly input: string;
  /** Inputs or weights, as in `vjp`; each is read in one piece. */
  readonly wrt: readonly string[];
  /** Outputs whose gradients are fed. Absent: the graph has logits, and their cross-entropy is computed. */
  readonly of?: readonly string[];
}

interface Step<T> {
  readonly piece: TrainingPiece;
  /** Absent: the last one's. */
  readonly forward: Opened<T> | undefined;
  /** Absent: nothing is trained here or before. */
  readonly backward: Opened<T> | undefined;
}

interface Opened<T> {
  readonly graph: Graph;
  readonly session: OpenedGraph<T>;
}

/**
 * Takes the feeds and gives the outputs of `vjp(graph, { of, wrt })`, or of `crossEntropyGradients(graph, { wrt })`.
 * @param graph of `trainingForm`; @param open with memory that goes back after each run (`freesMemory` of a session), or each piece
 * holds on to what its run took. @throws as they do; `unsupported` for a weight that several pieces read
 */
export async function openInPieces<T>(
  graph: Graph,
  { input, wrt, of }: InPieces,
  open: (graph: Graph) => Promise<OpenedGraph<T>>,
): Promise<OpenedGraph<T>> {
  const outputs = (of ?? ["logits"]).map((name) => valueNamed(graph, name));
  const pieces = trainingPieces(between(graph, [], outputs), input);
  checkPlaces(graph, pieces, wrt);
  const backwards = backwardGraphs(pieces, wrt, of !== undefined);
  const steps: Step<T>[] = [];
  const close = async () => {
    for (const { forward, backward } of steps) for (const each of [forward, backward]) await each?.session.close();
  };
  const opened = async (each: Graph | undefined) => each && { graph: each, session: await open(each) };
  try {
    for (const [n, piece] of pieces.entries()) {
      const step = {
        piece,
        forward: await opened(piece.to === undefined ? undefined : piece.graph),
        backward: undefined,
      };
      steps.push(step);
      steps[n] = { ...step, backward: await opened(backwards[n]) };
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { run: (feeds) => runThrough(steps, feeds), close };
}

const reads = ({ graph, weights }: TrainingPiece, name: string) =>
  weights.includes(name) || graph.inputs.some((value) => value.name === name);

function checkPlaces(graph: Graph, pieces: readonly TrainingPiece[], wrt: readonly string[]): void {
  const names = pieces.flatMap((piece) => [...piece.weights, ...piece.graph.inputs.map(({ name }) => name)]);
  for (const name of wrt) {
    const count = pieces.filter((piece) => reads(piece, name)).length;
    if (count === 1) continue;
    const [code, what] = count === 0 ? ["invalid_request", "no piece reads"] as const : ["unsupported", "several pieces read"] as const; // biome-ignore format: as a pair
    throw new OcellusError(code, `graph ${graph.name}: ${what} ${name}${nearestHint(name, names)}`, {
      details: { graph: graph.name, name, nearest: nearestNames(name, names) },
    });
  }
}

/** Of each piece from the first that is trained on. */
function backwardGraphs(
  pieces: readonly TrainingPiece[],
  wrt: readonly string[],
  isSeeded: boolean,
): (Graph | undefined)[] {
  const first = pieces.findIndex((piece) => wrt.some((name) => reads(piece, name)));
  return pieces.map((piece, n) => {
    if (n < first || first < 0) return undefined;
    const own = [...(n > first ? [piece.from] : []), ...wrt.filter((name) => reads(piece, name))];
    if (piece.to === undefined && !isSeeded) return crossEntropyGradients(piece.graph, { wrt: own });
    return vjp(piece.graph, { of: piece.graph.outputs.map(({ name }) => name), wrt: own });
  });
}

async function runThrough<T>(steps: readonly Step<T>[], feeds: Named<T>): Promise<Named<T>> {
  const entered: Named<T>[] = [];
  let carried: Named<T> = {};
  for (const { piece, forward } of steps) {
    entered.push(carried);
    if (forward) carried = await run(forward, { ...feeds, ...carried }, [piece.to!]);
  }
  const given: Record<string, T> = {};
  let coming: Named<T> = {};
  for (const { piece, backward } of [...steps].reverse()) {
    const carriedIn = entered.pop()!;
    if (!backward) break;
    const names = backward.graph.outputs.map(({ name }) => name);
    const results = await run(backward, { ...feeds, ...carriedIn, ...coming }, names);
    coming = { [gradientOf(piece.from)]: results[gradientOf(piece.from)]! };
    for (const name of names) if (name !== gradientOf(piece.from) || entered.length === 0) given[name] = results[name]!;
  }
  return given;
}

function run<T>({ graph, session }: Opened<T>, feeds: Named<T>, outputs: readonly string[]): Promise<Named<T>> {
  const own = Object.fromEntries(graph.inputs.map(({ name }) => [name, feeds[name]!]));
  return session.run(own, Object.fromEntries(outputs.map((name) => [name, null])));
}
