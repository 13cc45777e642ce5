import "react";

/** Custom properties that components hand to the style sheets. */
declare module "react" {
  interface CSSProperties {
    "--doubt"?: number;
    "--ratio"?: number;
    "--share"?: number;
  }
}
