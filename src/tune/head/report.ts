/** What `tuneHead` says; without what names files of this machine, it is beside the weights too. */
import type { BadImage } from "../data/labelled-images.js";
import type { LearningCurve, MoreOfClass } from "./more-images.js";
import type { HeadScores } from "./scores.js";

export interface LookAlikes {
  /** Groups of images that are the same, or nearly so to the encoder; each was held out as one. */
  readonly groups: number;
  readonly images: number;
  /** Groups whose images have several labels: one of them is wrong. */
  readonly conflicts: readonly { readonly images: readonly { readonly path: string; readonly label: string }[] }[];
}

/** Of held-out images: the most probable class against how often it was right. */
export interface HeadCalibration {
  readonly temperature: number;
  /** Expected calibration error, without the temperature and with it. */
  readonly errorBefore: number;
  readonly error: number;
}

/** What follows from features and labels. */
export interface FitReport extends HeadScores {
  readonly recipe: {
    readonly layers: 1 | 2;
    readonly width?: number;
    readonly balanced: boolean;
    readonly seed: number;
    readonly folds: number;
    readonly penalty: number;
    readonly path: readonly { readonly penalty: number; readonly logLoss: number }[];
  };
  readonly logLoss: number;
  readonly calibration: HeadCalibration;
  readonly lookAlikes: LookAlikes;
  readonly learningCurve: LearningCurve;
  readonly moreOf: readonly MoreOfClass[];
  readonly notes: readonly string[];
}

export interface HeadReport extends FitReport {
  readonly encoder: {
    readonly path: string;
    readonly modelType: string;
    readonly digest: string;
    readonly features: number;
  };
  readonly data: {
    readonly path: string;
    /** SHA-256 over the images' own and their labels. */
    readonly digest: string;
    readonly images: number;
    /** That were encoded before. */
    readonly cached: number;
    readonly skipped: Readonly<Record<string, number>>;
    readonly bad: readonly BadImage[];
  };
  readonly saved?: { readonly path: string; readonly architecture: string; readonly report: string };
}
