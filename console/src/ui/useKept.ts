import { type Dispatch, type SetStateAction, useEffect, useState } from 'react';

function kept(): Record<string, unknown> {
  return (history.state as Record<string, unknown> | null) ?? {};
}

/** A state of a page that the browser's history keeps beside its address: there again after going back to the page, and after a reload. */
export function useKept<T>(name: string, initial: T): [T, Dispatch<SetStateAction<T>>] {
  const [value, setValue] = useState(() => (kept()[name] as T | undefined) ?? initial);
  useEffect(() => {
    history.replaceState({ ...kept(), [name]: value }, '');
  }, [name, value]);
  return [value, setValue];
}
