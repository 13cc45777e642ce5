export {
  type CrossEntropyOptions,
  crossEntropyGradients,
  lossInputs,
  lossOutputs,
  withCrossEntropy,
} from "./cross-entropy.js";
export { type InPieces, type OpenedGraph, openInPieces } from "./in-pieces.js";
export { type LowRank, loraNames, withLora } from "./lora.js";
export { type TrainingPiece, trainingPieces } from "./pieces.js";
export { trainingForm } from "./training-form.js";
export { differentiable, gradientOf, type VjpOptions, vjp } from "./vjp.js";
