/** The page of `ocellus inspect --html`. */
import { begin, pageData } from "./base.js";
import { inspectViews } from "./inspect-views.js";
import "./base.css";
import "./report.css";

const data = pageData("inspect");
begin(data, () => inspectViews(data));
