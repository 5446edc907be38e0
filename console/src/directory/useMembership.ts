import { scim } from '../api';
import { useSession } from '../session';
import { tell, useRefresh } from '../ui/calls';
import { type Group, patchOf, quoted } from './directory';

/** Adds a member to a group, or takes one out, by what names that one alone: quick in a large group, and right while others change it. */
export function useMembership(group: Group) {
  const { credential } = useSession();
  const refresh = useRefresh();
  return async (op: 'add' | 'remove', id: string, name: string) => {
    const operation =
      op === 'add' ? { op, path: 'members', value: [{ value: id }] } : { op, path: `members[value eq ${quoted(id)}]` };
    await scim(credential, `/Groups/${encodeURIComponent(group.id)}`, {
      method: 'PATCH',
      body: patchOf([operation]),
      headers: { prefer: 'return=minimal' },
    });
    await refresh('scim:/Groups', 'scim:/Users');
    tell(op === 'add' ? `${name} is a member of ${group.displayName}.` : `${name} is no member of ${group.displayName} any more.`);
  };
}
