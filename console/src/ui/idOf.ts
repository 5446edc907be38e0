/** What the address names. The router leaves some signs as they are written there, such as a `$`; what was typed by hand may be no such writing. */
export function idOf({ id }: { id: string }): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}
