/** Settings on the wire, and how they are changed. */
import { useCallback } from 'react';

import { platform, type Scope } from '../api';
import { useSession } from '../session';
import { useRefresh } from '../ui/calls';
import { TRUSTS } from '../trust/trust';

export const SETTINGS = '/ng/api/settings';

export type Level = 'ACCOUNT' | 'ORGANIZATION' | 'PROJECT';

export interface Setting {
  identifier: string;
  name: string;
  groupIdentifier?: string | null;
  valueType: 'String' | 'Boolean' | 'Number';
  allowedValues?: string[] | null;
  allowOverrides: boolean;
  value?: string | null;
  defaultValue?: string | null;
  settingSource: 'ACCOUNT' | 'ORG' | 'PROJECT' | 'DEFAULT';
  isSettingEditable: boolean;
  allowedScopes: Level[];
}

export interface SettingItem {
  setting: Setting;
  lastModifiedAt?: number | null;
}

export interface Change {
  identifier: string;
  value?: string;
  allowOverrides?: boolean;
  updateType: 'UPDATE' | 'RESTORE';
}

export interface Outcome {
  identifier: string;
  updateStatus: boolean;
  errorMessage?: string | null;
  warning?: string | null;
}

/** The four that make the default trust, in the order in which they are filled in. */
export const TRUST_SETTINGS = {
  url: 'scim_jwt_token_jwks_keys_url',
  claim: 'scim_jwt_token_key_field',
  value: 'scim_jwt_token_value_field',
  account: 'scim_jwt_token_service_account_id',
} as const;

export function levelOf({ org, project }: Scope): Level {
  return project ? 'PROJECT' : org ? 'ORGANIZATION' : 'ACCOUNT';
}

/** Is it set in this very scope, so that it can be restored there? */
export function isSetHere(setting: Setting, scope: Scope): boolean {
  const source = setting.settingSource === 'ORG' ? 'ORGANIZATION' : setting.settingSource;
  return source === levelOf(scope);
}

/** Changes settings in the scope that is chosen. What became of each is in the answer, whose status is 200 all the same. */
export function useChange(): (changes: Change[], atomic?: boolean) => Promise<Outcome[]> {
  const { credential, scope } = useSession();
  const refresh = useRefresh();
  return useCallback(
    async (changes: Change[], atomic = false) => {
      const outcomes = await platform<Outcome[]>(credential, SETTINGS, { method: 'PUT', body: changes, scope, query: atomic ? { atomic } : {} });
      if (outcomes.some((one) => one.updateStatus)) await refresh(SETTINGS, TRUSTS);
      return outcomes;
    },
    [credential, scope, refresh],
  );
}
