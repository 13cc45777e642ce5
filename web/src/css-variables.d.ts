import "react";

/** Custom properties that components hand to the style sheets. */
declare module "react" {
  interface CSSProperties {
    "--columns"?: number;
    "--doubt"?: number;
    "--ratio"?: number;
    "--share"?: number;
  }
}
