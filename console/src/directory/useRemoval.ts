import { useQueryClient } from '@tanstack/react-query';

import { scim } from '../api';
import { useSession } from '../session';
import { tell } from '../ui/calls';

/** Deletes what is at this path of the list (`/Users`, `/Groups`), and says so by its name. */
export function useRemoval(list: string, path: string, name: string): () => Promise<void> {
  const { credential } = useSession();
  const client = useQueryClient();
  return async () => {
    await scim(credential, path, { method: 'DELETE' });
    tell(`${name} is deleted.`);
    // The list alone: what is gone is asked for again by somebody who comes back to it.
    void client.invalidateQueries({ queryKey: [`scim:${list}`] });
    void client.invalidateQueries({ queryKey: [`scim:${path}`], refetchType: 'none' });
  };
}
