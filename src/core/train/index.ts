export {
  crossEntropyGradients,
  lossInputs,
  lossOutputs,
  withCrossEntropy,
} from "./cross-entropy.js";
export { type OpenedGraph, openInPieces } from "./in-pieces.js";
export { loraNames, withLora } from "./lora.js";
export { trainingPieces } from "./pieces.js";
export { trainingForm } from "./training-form.js";
export { differentiable, gradientOf, vjp } from "./vjp.js";
