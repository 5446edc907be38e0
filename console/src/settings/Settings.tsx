import { Center, Loader, Select, Text } from '@mantine/core';
import { useState } from 'react';

import { useSession } from '../session';
import { usePlatform } from '../ui/calls';
import { DefaultTrust } from './DefaultTrust';
import { Failure } from '../ui/Failure';
import { PageFrame } from '../ui/PageFrame';
import { Section } from '../ui/Section';
import { SettingRow } from './SettingRow';
import { type SettingItem, SETTINGS, TRUST_SETTINGS } from './settings';

/** Those that have any. The first two are what Muster goes by. */
const CATEGORIES = [
  {
    group: 'What Muster goes by',
    items: [
      { value: 'SCIM', label: 'SCIM: provisioning and JWT trusts' },
      { value: 'USER', label: 'USER: tokens and grants' },
    ],
  },
  {
    group: 'Kept for clients that know them',
    items: ['CE', 'CONNECTORS', 'CORE', 'EULA', 'GIT_EXPERIENCE', 'NOTIFICATIONS', 'PMS'].map((value) => ({ value, label: value })),
  },
];

const GROUPS: Record<string, string> = {
  jwt_trusts: 'JWT trusts',
  scim_provisioning: 'SCIM provisioning',
  provisioning_log: 'Provisioning log',
  api_tokens: 'API tokens',
  pms_execution_settings: 'Execution',
};

const OF_THE_TRUST: string[] = Object.values(TRUST_SETTINGS);

/** The settings of the scope, by category. */
export function Settings() {
  const { scope } = useSession();
  const [category, setCategory] = useState('SCIM');
  return (
    <PageFrame title="Settings" about="What holds in the scope that is chosen above, and where it comes from.">
      <Select
        label="Category"
        data={CATEGORIES}
        value={category}
        onChange={(chosen) => chosen && setCategory(chosen)}
        allowDeselect={false}
        maxDropdownHeight={400}
        maw={420}
      />
      {/* Anew for each: what is typed in one scope is not of another. */}
      <Category key={`${category} ${scope.org ?? ''} ${scope.project ?? ''}`} category={category} />
    </PageFrame>
  );
}

function Category({ category }: { category: string }) {
  const { scope } = useSession();
  const settings = usePlatform<SettingItem[]>(SETTINGS, { query: { category, includeParentScopes: true }, scope });
  if (settings.error && !settings.data) return <Failure error={settings.error} title="The settings could not be loaded" />;
  if (!settings.data) {
    return (
      <Center p="xl">
        <Loader aria-label="Loading the settings" />
      </Center>
    );
  }
  const four = settings.data.filter(({ setting }) => OF_THE_TRUST.includes(setting.identifier));
  const together = four.length === OF_THE_TRUST.length && four.every(({ setting }) => setting.isSettingEditable);
  const rows = together ? settings.data.filter((item) => !four.includes(item)) : settings.data;
  return (
    <>
      {together && <DefaultTrust items={four} />}
      {[...grouped(rows)].map(([title, items]) => (
        <Section key={title} title={title}>
          <ul style={{ listStyle: 'none', margin: 0, padding: 0 }}>
            {items.map((item) => (
              <SettingRow key={item.setting.identifier} item={item} />
            ))}
          </ul>
        </Section>
      ))}
      {settings.data.length === 0 && (
        <Text c="dimmed" p="lg" ta="center">
          This category has no settings here.
        </Text>
      )}
    </>
  );
}

function grouped(items: SettingItem[]): Map<string, SettingItem[]> {
  const groups = new Map<string, SettingItem[]>();
  for (const item of items) {
    const { groupIdentifier: group } = item.setting;
    const title = (group && GROUPS[group]) ?? (group && OF_THE_TRUST.includes(item.setting.identifier) ? 'The default trust' : 'Others');
    groups.set(title, [...(groups.get(title) ?? []), item]);
  }
  return groups;
}
