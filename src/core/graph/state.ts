/**
 * What a decoder's graph keeps of a sequence from one step to the next, layer by layer: a family states it, a cache makes room
 * for it. Keys and values grow with the sequence; the state of a recurrent layer does not, and cannot be cut back to fewer tokens.
 */
export type StateSpec =
  | { readonly kind: "kv"; readonly kvHeads: number; readonly headDim: number }
  | { readonly kind: "recurrent"; readonly shapes: readonly (readonly number[])[] };

/** Of keys and values. */
export type KvCacheDtype = "float32" | "int8";

/** Whether something is kept that cannot be cut back to fewer tokens. */
export function isRecurrent(layers: readonly StateSpec[]): boolean {
  return layers.some(({ kind }) => kind === "recurrent");
}

/** Bytes of one sequence's state: for each token, and, in float32, whatever the length. */
export function stateBytes(
  layers: readonly StateSpec[],
  kvCacheDtype: KvCacheDtype = "float32",
): { readonly perToken: number; readonly fixed: number } {
  const float = Float32Array.BYTES_PER_ELEMENT;
  const element = kvCacheDtype === "int8" ? 1 : float;
  let [perToken, fixed] = [0, 0];
  for (const layer of layers) {
    if (layer.kind === "kv") perToken += 2 * layer.kvHeads * layer.headDim * element;
    else for (const shape of layer.shapes) fixed += shape.reduce((x, size) => x * size, float);
  }
  return { perToken, fixed };
}
