import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { platformTagged, type Scope } from '../api';
import { useSession } from '../session';

/** Where one is read from. */
interface Source {
  path: string;
  scope?: Scope | undefined;
}

interface Form<T> {
  opened: boolean;
  /** What it begins with; nothing where one is made. */
  edited?: T;
  etag?: string | undefined;
  source?: Source;
}

export type Editing<T> = ReturnType<typeof useEditing<T>>;

/**
 * The form of a page that makes one or changes one, or the question before one is deleted. What is changed is read when its window
 * opens, with its version: the page may be older than what is stored. The change goes with `headers`, so that it overwrites nobody's.
 */
export function useEditing<T>() {
  const { credential } = useSession();
  const [form, setForm] = useState<Form<T>>({ opened: false });
  const read = async (source: Source) => {
    const { resource, etag } = await platformTagged<T>(credential, source.path, source.scope ? { scope: source.scope } : {});
    return { opened: true, edited: resource, etag, source };
  };
  const opening = useMutation({ mutationFn: read });
  // Not into a form that was opened while this was on its way.
  const onSuccess = (begun: Form<T>) => setForm((was) => (was.opened ? was : begun));
  const { source, etag } = form;
  const reload = async () => {
    if (!source) return undefined;
    const begun = await read(source);
    // Nor into one that was closed.
    setForm((was) => (was.opened ? begun : was));
    return begun.edited;
  };
  return {
    opened: form.opened,
    edited: form.edited,
    /** Why it could not be read. */
    error: opening.error,
    headers: (etag ? { 'if-match': etag } : {}) as Record<string, string>,
    create: () => setForm({ opened: true }),
    /** Reads it, then opens the form; `then` not where the page was left before. */
    edit: (from: Source, then?: () => void) =>
      opening.mutate(from, {
        onSuccess: (begun) => {
          onSuccess(begun);
          then?.();
        },
      }),
    close: () => setForm((was) => ({ ...was, opened: false })),
    /** What is stored by now, from which the form goes on. */
    reload,
  };
}
