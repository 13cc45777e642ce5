import { createRoot } from "react-dom/client";
import { App } from "./app.js";
import { keepStrayFiles } from "./use-pictures.js";
import "./style/base.css";
import "./style/frame.css";
import "./style/chat.css";
import "./style/pages.css";
import "./style/versions.css";

keepStrayFiles();
createRoot(document.getElementById("root")!).render(<App />);
