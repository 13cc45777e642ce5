import { createRoot } from "react-dom/client";
import { App } from "./app.js";
import "./style/base.css";
import "./style/frame.css";
import "./style/chat.css";
import "./style/pages.css";
import "./style/versions.css";

createRoot(document.getElementById("root")!).render(<App />);
