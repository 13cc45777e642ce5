import "./decode.js";

export { headerSize } from "./header.js";
