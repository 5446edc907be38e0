import { type Dispatch, type SetStateAction, useState } from 'react';

/** What a form holds: made anew each time it opens, so that nothing of the time before is left. */
export function useDraft<T>(opened: boolean, make: () => T): [T, Dispatch<SetStateAction<T>>] {
  const [draft, setDraft] = useState(make);
  const [was, setWas] = useState(opened);
  if (opened !== was) {
    setWas(opened);
    if (opened) {
      const fresh = make();
      setDraft(fresh);
      return [fresh, setDraft];
    }
  }
  return [draft, setDraft];
}
