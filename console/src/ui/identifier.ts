/** An identifier for what has this name, as the server makes one for a service account. */
export function identifierFrom(name: string): string {
  const made = name.trim().replace(/[^0-9A-Za-z_$]+/g, '_').slice(0, 100);
  return /^[A-Za-z_]/.test(made) || made === '' ? made : `_${made}`;
}
