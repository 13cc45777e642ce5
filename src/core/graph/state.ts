/**
 * What a decoder's graph keeps of a sequence from one step to the next, layer by layer: a family states it, a cache makes room
 * for it. Keys and values grow with the sequence; the state of a recurrent layer does not, and cannot be cut back to fewer tokens.
 */
export type StateSpec =
  | { readonly kind: "kv"; readonly kvHeads: number; readonly headDim: number }
  | { readonly kind: "recurrent"; readonly shapes: readonly (readonly number[])[] };

/** Whether something is kept that cannot be cut back to fewer tokens. */
export function isRecurrent(layers: readonly StateSpec[]): boolean {
  return layers.some(({ kind }) => kind === "recurrent");
}

/** Bytes of one sequence's state, in float32: for each token, and whatever the length. */
export function stateBytes(layers: readonly StateSpec[]): { readonly perToken: number; readonly fixed: number } {
  const float = Float32Array.BYTES_PER_ELEMENT;
  let [perToken, fixed] = [0, 0];
  for (const layer of layers) {
    if (layer.kind === "kv") perToken += 2 * layer.kvHeads * layer.headDim * float;
    else for (const shape of layer.shapes) fixed += shape.reduce((x, size) => x * size, float);
  }
  return { perToken, fixed };
}
