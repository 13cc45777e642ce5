/**
 * The sections of the inspect report in a room of the page. They are the report's own nodes with the report's own style, in a shadow:
 * neither style reaches into the other.
 */
import { useEffect, useRef } from "react";
import type { InspectData } from "../../../src/inspect/page/page-data.js";
import { usePreferences } from "../preferences.js";
import base from "../reports/base.css?inline";
import { speak } from "../reports/base.js";
import { inspectViews } from "../reports/inspect-views.js";
import report from "../reports/report.css?inline";

/** In a shadow the root is its host. */
function ofHost(css: string): string {
  return css.replace(/:root(\[[^\][]*\])/g, ":host($1)").replaceAll(":root", ":host");
}

let sheet: CSSStyleSheet | undefined;

function style(): CSSStyleSheet {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(ofHost(base + report));
  }
  return sheet;
}

export function ReportMount({ data }: { data: InspectData }) {
  const host = useRef<HTMLDivElement>(null);
  const { theme, language } = usePreferences();
  useEffect(() => {
    const shadow = host.current!.shadowRoot ?? host.current!.attachShadow({ mode: "open" });
    shadow.adoptedStyleSheets = [style()];
    speak(language);
    shadow.replaceChildren(...inspectViews(data));
  }, [data, language]);
  return <div ref={host} className="report-mount" data-theme={theme} />;
}
