export function UsesPage() {
  return null;
}
