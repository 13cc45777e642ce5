export { ifNotInstalled } from "./ocr-files.js";
export {
  type ImageText,
  loadTextReader,
  type ReadTextOptions,
  readText,
  type TextLine,
  TextReader,
  type TextReaderOptions,
} from "./text-reader.js";
