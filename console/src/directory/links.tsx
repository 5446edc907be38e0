import { Anchor } from '@mantine/core';
import { Link } from 'wouter';

import { type Column } from '../ui/Listing';
import { YesNo } from '../ui/words';
import { emailOf, groupPath, nameOf, type User, userPath } from './directory';

export function GroupLink({ id, name }: { id: string; name: string }) {
  return (
    <Anchor component={Link} href={groupPath(id)} size="sm">
      {name}
    </Anchor>
  );
}

/** What a list of users shows of each. */
export const OF_USERS: Column<User>[] = [
  {
    title: 'User name',
    cell: (user) => (
      <Anchor component={Link} href={userPath(user.id)} size="sm">
        {user.userName}
      </Anchor>
    ),
  },
  { title: 'Name', cell: nameOf },
  { title: 'E-mail', cell: emailOf },
  { title: 'Status', cell: (user) => <YesNo yes={user.active === true} />, width: 120 },
];
