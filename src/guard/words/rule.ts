export interface WordRule {
  readonly word: string;
  readonly category: string;
  readonly severity?: number;
}
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly category: string;
  readonly word: string;
  readonly severity: number;
}
