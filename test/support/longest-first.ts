/** The order of test files: what starts processes and browsers first, units last, so that no long file is left to one core at the end. */
import { BaseSequencer, type TestSpecification } from "vitest/node";

export class LongestFirst extends BaseSequencer {
  /** Within a rank by what the last run took, else by size. */
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return [rank.processes, rank.whole, rank.unit].flatMap((each) => sorted.filter((file) => rankOf(file) === each));
  }
}

const rank = { processes: 0, whole: 1, unit: 2 } as const;

function rankOf({ moduleId, project }: TestSpecification): number {
  if (project.name === "unit") return rank.unit;
  return moduleId.includes("/e2e/") ? rank.processes : rank.whole;
}
