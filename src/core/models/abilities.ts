/**
 * What a family can do: as far as possible from its contract (which graphs and sides it has), and from `about` what its published
 * checkpoints were trained for beyond that. `ocellus families` and the error for an unsupported type read this.
 */
import type { AnyFamily, TrainedAbility } from "./family.js";

export type Ability =
  | TrainedAbility
  | ("text" | "images" | "video")
  | ("image_embeddings" | "text_embeddings" | "zero_shot_labels" | "classification");

/** What a model is for; the headings of the list. */
export const familyKinds = {
  vision_language: "models that read images",
  text: "text-only models",
  dual_encoder: "embeddings of images and texts",
  image_encoder: "embeddings of images",
  classifier: "image classifiers",
} as const;
export type FamilyKind = keyof typeof familyKinds;

export interface FamilyDescription {
  readonly modelType: string;
  readonly title: string;
  readonly kind: FamilyKind;
  readonly abilities: readonly Ability[];
  readonly repositories: readonly string[];
}

export function kindOfFamily(family: AnyFamily): FamilyKind {
  if (family.kind !== "language") return family.kind;
  return family.image ? "vision_language" : "text";
}

function abilitiesOf(family: AnyFamily): Ability[] {
  const trained = family.about.trainedFor ?? [];
  if (family.kind === "classifier") return ["classification", ...trained];
  if (family.kind === "image_encoder") return ["image_embeddings", ...trained];
  if (family.kind === "dual_encoder") return ["image_embeddings", "text_embeddings", "zero_shot_labels", ...trained];
  const { image } = family;
  return ["text", ...(image ? (["images"] as const) : []), ...(image?.video ? (["video"] as const) : []), ...trained];
}

export function describeFamily(family: AnyFamily): FamilyDescription {
  const { modelType, about } = family;
  const { title, repositories } = about;
  return { modelType, title, kind: kindOfFamily(family), abilities: abilitiesOf(family), repositories };
}
