import { createRoot } from "react-dom/client";
import { App } from "./app.js";
import { firstPreferences } from "./preferences.js";
import { keepStrayFiles } from "./use-pictures.js";
import { loadWords } from "./words.js";
import "./style/base.css";
import "./style/frame.css";
import "./style/chat.css";

keepStrayFiles();
void loadWords(firstPreferences().language).then(() => createRoot(document.getElementById("root")!).render(<App />));
