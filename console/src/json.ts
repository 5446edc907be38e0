/** Reads JSON without making other numbers of long integers: a number of the language has 53 bits for them. */

// Not every browser has it: there such a number is the nearest one, as anywhere else.
const { rawJSON } = JSON as JSON & { rawJSON?: (text: string) => unknown };

/** An integer as it was written; in JSON it is written so again. */
export class Digits {
  constructor(readonly text: string) {}

  toJSON(): unknown {
    return rawJSON?.(this.text);
  }

  toString(): string {
    return this.text;
  }
}

/** An integer of any length, as an answer may have it. */
export type Whole = number | Digits;

function keep(_: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  const changed = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
  return changed && rawJSON && source !== undefined && /^-?\d+$/.test(source) ? new Digits(source) : value;
}

/** A number of what was read that may be another one than was written; only in a browser that cannot keep it. */
export function changedIn(value: unknown): number | undefined {
  if (typeof value === 'number') return !rawJSON && Number.isInteger(value) && !Number.isSafeInteger(value) ? value : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const one of Object.values(value)) {
    const changed = changedIn(one);
    if (changed !== undefined) return changed;
  }
  return undefined;
}

export function readJson(text: string): unknown {
  // Hardly any answer has a number of this length, or a text that looks like one.
  return /\d{16}/.test(text) ? JSON.parse(text, keep) : JSON.parse(text);
}

export function whole(value: Whole): bigint {
  return BigInt(String(value));
}
