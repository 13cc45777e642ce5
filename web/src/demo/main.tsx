/** The demo: one page without a server, in which the bundled model looks at pictures that never leave it. */
import { createRoot } from "react-dom/client";
import { PreferencesContext, usePreferencesState } from "../preferences.js";
import { keepStrayFiles } from "../use-pictures.js";
import { DemoPage } from "./demo-page.js";
import "../style/base.css";
import "./demo.css";

function Demo() {
  return (
    <PreferencesContext value={usePreferencesState()}>
      <DemoPage />
    </PreferencesContext>
  );
}

keepStrayFiles();
createRoot(document.getElementById("root")!).render(<Demo />);
