export { answerGreedily, askAll, evalTokens, type Graded, goldenTokens, messagesOf } from "./ask.js";
export { type EvalAnswer, isCorrect, type Score, scoreAnswers, wilsonInterval } from "./eval-score.js";
export {
  chooseCases,
  type EvalCase,
  expectedText,
  type Goals,
  imagesOf,
  type MatchKind,
  matchKindOf,
  matchKinds,
  mostProblems,
  questionFields,
  readEvalFiles,
  readEvalLines,
  readGoals,
  refuseProblems,
  reviewedCases,
  unreviewedNotes,
} from "./eval-set.js";
export {
  type GoldenAnswer,
  type GoldenHeader,
  type GoldenResult,
  type GoldenVersion,
  goldenHeader,
  openGoldenResult,
  readGoldenResult,
  versionText,
} from "./golden-result.js";
export {
  type AnswerPair,
  compareGolden,
  type GoldenComparison,
  type GroupComparison,
  type GroupScore,
  partsOf,
  scoreGolden,
  signed,
  summaryOf,
} from "./golden-score.js";
export {
  contradictions,
  type GoldenQuestion,
  imageDigest,
  nothingToAsk,
  readGoldenSet,
  severalImages,
} from "./golden-set.js";
export { JsonLinesFile, withOutputLock } from "./json-lines-file.js";
export { mapConcurrently } from "./map-concurrently.js";
export {
  fieldSchemas,
  fitTemperature,
  halves,
  type JudgedField,
  type Reliability,
  reliabilityOf,
} from "./reliability.js";
export { maxPoints, type TaskScore, taskScores } from "./task-score.js";
