/** The pages in the order in which the menu shows them. */
import type { ComponentType } from 'react';

import { Assignments } from './access/Assignments';
import { Audit } from './audit/Audit';
import { Events } from './events/Events';
import { Explain } from './trust/Explain';
import { GroupDetail } from './directory/GroupDetail';
import { Groups } from './directory/Groups';
import { Log } from './log/Log';
import { LogDetail } from './log/LogDetail';
import { Organizations } from './places/Organizations';
import { Overview } from './overview/Overview';
import { ResourceGroups } from './access/ResourceGroups';
import { Roles } from './access/Roles';
import { Schemas } from './schemas/Schemas';
import { ServiceAccountDetail } from './tokens/ServiceAccountDetail';
import { ServiceAccounts } from './tokens/ServiceAccounts';
import { Settings } from './settings/Settings';
import { Tokens } from './tokens/Tokens';
import { TrustDetail } from './trust/TrustDetail';
import { Trusts } from './trust/Trusts';
import { UserDetail } from './directory/UserDetail';
import { Users } from './directory/Users';
import { WebhookDetail } from './webhooks/WebhookDetail';
import { Webhooks } from './webhooks/Webhooks';

interface Page {
  path: string;
  title: string;
  component: ComponentType;
  /** At `path/:id`. */
  detail?: ComponentType<{ params: { id: string } }>;
}

/** A part of the menu. */
interface Section {
  title: string;
  pages: Page[];
}

export const SECTIONS: Section[] = [
  {
    title: 'Directory',
    pages: [
      { path: '/', title: 'Overview', component: Overview },
      { path: '/users', title: 'Users', component: Users, detail: UserDetail },
      { path: '/groups', title: 'Groups', component: Groups, detail: GroupDetail },
    ],
  },
  {
    title: 'Provisioning',
    pages: [
      { path: '/log', title: 'Provisioning log', component: Log, detail: LogDetail },
      { path: '/schemas', title: 'SCIM schemas', component: Schemas },
      { path: '/events', title: 'Events', component: Events },
      { path: '/webhooks', title: 'Webhooks', component: Webhooks, detail: WebhookDetail },
    ],
  },
  {
    title: 'Credentials',
    pages: [
      { path: '/explain', title: 'Explain a token', component: Explain },
      { path: '/trusts', title: 'JWT trusts', component: Trusts, detail: TrustDetail },
      { path: '/service-accounts', title: 'Service accounts', component: ServiceAccounts, detail: ServiceAccountDetail },
      { path: '/tokens', title: 'Your tokens', component: Tokens },
    ],
  },
  {
    title: 'Access',
    pages: [
      { path: '/assignments', title: 'Role assignments', component: Assignments },
      { path: '/roles', title: 'Roles', component: Roles },
      { path: '/resource-groups', title: 'Resource groups', component: ResourceGroups },
    ],
  },
  {
    title: 'Account',
    pages: [
      { path: '/organizations', title: 'Organizations', component: Organizations },
      { path: '/settings', title: 'Settings', component: Settings },
      { path: '/audit', title: 'Audit trail', component: Audit },
    ],
  },
];

export const PAGES: Page[] = SECTIONS.flatMap((section) => section.pages);
