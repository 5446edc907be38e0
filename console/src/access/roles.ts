/** Roles and permissions, with the members that the pages use. */

export interface Permission {
  identifier: string;
  name: string;
  resourceType: string;
}

export interface Role {
  identifier: string;
  name: string;
  description: string | null;
  permissions: string[];
  tags: Record<string, string>;
}

export interface RoleRow {
  role: Role;
  harnessManaged: boolean;
  lastModifiedAt: number | null;
  roleAssignedToUserCount?: number;
  roleAssignedToUserGroupCount?: number;
  roleAssignedToServiceAccountCount?: number;
}

/** By resource type, in the order of the catalogue. */
export function grouped(permissions: Permission[]): [string, Permission[]][] {
  const groups = new Map<string, Permission[]>();
  for (const permission of permissions) {
    const group = groups.get(permission.resourceType) ?? [];
    groups.set(permission.resourceType, [...group, permission]);
  }
  return [...groups];
}

export function assignedTo(row: RoleRow): string {
  const counts: [number | undefined, string][] = [
    [row.roleAssignedToUserCount, 'user'],
    [row.roleAssignedToUserGroupCount, 'group'],
    [row.roleAssignedToServiceAccountCount, 'service account'],
  ];
  const told = counts.flatMap(([count, word]) => (count ? [`${count} ${word}${count === 1 ? '' : 's'}`] : []));
  return told.join(', ') || 'nobody';
}
