import { useEffect, useRef, useState } from 'react';

/** What became of it: it is in the clipboard, or only selected, for the person to copy it by a key. */
export type Copied = 'copied' | 'selected';

const SHOWN_MILLIS = 2_000;

/** Told where the browser lets no page copy. */
export const BY_HAND = 'Your browser did not let the console copy it. It is selected: press Ctrl+C or ⌘C.';

function select(element: Element): void {
  if (element instanceof HTMLInputElement) {
    element.focus();
    element.select();
  } else getSelection()?.selectAllChildren(element);
}

/** The way that there is without HTTPS, where browsers hide the other one. What is selected is what is copied but for its writing. */
function copySelected(text: string): boolean {
  const put = (event: ClipboardEvent) => {
    event.clipboardData?.setData('text/plain', text);
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  addEventListener('copy', put, { capture: true });
  try {
    return document.execCommand('copy');
  } catch {
    return false;
  } finally {
    removeEventListener('copy', put, { capture: true });
  }
}

/** Copies a text that `element` shows; where that does not work the text is left selected there. */
async function copyOf(text: string, element: Element): Promise<Copied> {
  if (navigator.clipboard as Clipboard | undefined) {
    try {
      await navigator.clipboard.writeText(text);
      return 'copied';
    } catch {
      // A frame or a policy may forbid it.
    }
  }
  select(element);
  return copySelected(text) ? 'copied' : 'selected';
}

/** Copies, and says for a moment that it did; that it did not stays until the next time. */
export function useCopy(): { state: Copied | undefined; copy: (text: string, element: Element | null) => void } {
  const [state, setState] = useState<Copied>();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = (text: string, element: Element | null) => {
    if (!element) return;
    void copyOf(text, element).then((became) => {
      clearTimeout(timer.current);
      setState(became);
      if (became === 'copied') {
        getSelection()?.removeAllRanges();
        timer.current = setTimeout(() => setState(undefined), SHOWN_MILLIS);
      }
    });
  };
  return { state, copy };
}
