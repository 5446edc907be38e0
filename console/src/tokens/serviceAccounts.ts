import type { Place } from '../access/access';

export interface ServiceAccount extends Place {
  identifier: string;
  name: string;
  email: string;
  description: string | null;
  tags: Record<string, string>;
}

/** As the pages of the list have it. */
export interface ServiceAccountRow {
  serviceAccount: ServiceAccount;
  createdAt: number;
  lastModifiedAt: number;
  /** Its API keys. */
  tokensCount: number;
  roleAssignmentsMetadataDTO: { identifier: string; roleIdentifier: string; roleName: string }[] | null;
}

export const LIST = '/ng/api/serviceaccount/aggregate';

export function accountPath(identifier: string): string {
  return `/service-accounts/${encodeURIComponent(identifier)}`;
}
