import { Autocomplete, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';

import type { Page } from '../api';
import { useSession } from '../session';
import { usePlatform } from '../ui/calls';

interface Found {
  serviceAccount: { identifier: string; name: string };
}

interface Props {
  value: string;
  onChange: (value: string) => void;
  label?: string;
  description?: string;
  error?: string | undefined;
  required?: boolean;
}

/** A service account of the account itself, by its identifier; those that match are offered. */
export function ServiceAccountField({ value, onChange, label = 'Service account', description, error, required = false }: Props) {
  const { can } = useSession();
  const [searchTerm] = useDebouncedValue(value, 250);
  const found = usePlatform<Page<Found>>('/ng/api/serviceaccount/aggregate', {
    query: { searchTerm, pageSize: 20, sortOrders: 'name,ASC' },
    enabled: can('core_serviceaccount_view'),
    keep: true,
  });
  const accounts = (found.data?.content ?? []).map((one) => one.serviceAccount);
  return (
    <Autocomplete
      label={label}
      description={description}
      placeholder="Identity_Sync"
      data={accounts.map((one) => one.identifier)}
      // The server has searched.
      filter={({ options }) => options}
      renderOption={({ option }) => (
        <div>
          <Text size="sm">{accounts.find((one) => one.identifier === option.value)?.name ?? option.value}</Text>
          <Text size="xs" c="dimmed" className="mono">
            {option.value}
          </Text>
        </div>
      )}
      value={value}
      onChange={onChange}
      error={error}
      required={required}
      spellCheck={false}
    />
  );
}
