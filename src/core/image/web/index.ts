import "./decode.js";
