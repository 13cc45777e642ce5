export { checkClasses } from "./data/check-classes.js";
export { type BadImage, type LabelledImage, type LabelledImages, readLabelledImages } from "./data/labelled-images.js";
