/** The pages in the order in which the menu shows them; `detail` is at `path/:id`. */
import type { ComponentType } from 'react';

import { Assignments } from './Assignments';
import { Audit } from './Audit';
import { Events } from './Events';
import { Explain } from './Explain';
import { GroupDetail } from './GroupDetail';
import { Groups } from './Groups';
import { Log } from './Log';
import { LogDetail } from './LogDetail';
import { Organizations } from './Organizations';
import { Overview } from './Overview';
import { ResourceGroups } from './ResourceGroups';
import { Roles } from './Roles';
import { Schemas } from './Schemas';
import { ServiceAccountDetail } from './ServiceAccountDetail';
import { ServiceAccounts } from './ServiceAccounts';
import { Settings } from './Settings';
import { Tokens } from './Tokens';
import { TrustDetail } from './TrustDetail';
import { Trusts } from './Trusts';
import { UserDetail } from './UserDetail';
import { Users } from './Users';

interface Page {
  path: string;
  title: string;
  component: ComponentType;
  detail?: ComponentType<{ params: { id: string } }>;
}

export const PAGES: Page[] = [
  { path: '/', title: 'Overview', component: Overview },
  { path: '/users', title: 'Users', component: Users, detail: UserDetail },
  { path: '/groups', title: 'Groups', component: Groups, detail: GroupDetail },
  { path: '/log', title: 'Provisioning log', component: Log, detail: LogDetail },
  { path: '/explain', title: 'Explain a token', component: Explain },
  { path: '/trusts', title: 'JWT trusts', component: Trusts, detail: TrustDetail },
  { path: '/service-accounts', title: 'Service accounts', component: ServiceAccounts, detail: ServiceAccountDetail },
  { path: '/assignments', title: 'Role assignments', component: Assignments },
  { path: '/roles', title: 'Roles', component: Roles },
  { path: '/resource-groups', title: 'Resource groups', component: ResourceGroups },
  { path: '/organizations', title: 'Organizations', component: Organizations },
  { path: '/schemas', title: 'SCIM schemas', component: Schemas },
  { path: '/settings', title: 'Settings', component: Settings },
  { path: '/tokens', title: 'Your tokens', component: Tokens },
  { path: '/audit', title: 'Audit trail', component: Audit },
  { path: '/events', title: 'Events', component: Events },
];
