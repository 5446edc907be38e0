import { Anchor, Modal, Stack, Text } from '@mantine/core';
import { useState } from 'react';

import type { ScimList } from '../api';
import { AttributeList } from './AttributeList';
import { useScim } from '../ui/calls';
import { type Column, Listing } from '../ui/Listing';
import type { Attribute } from './scimSchema';
import { Section } from '../ui/Section';
import { Id } from '../ui/words';

interface Schema {
  id: string;
  name: string;
  description?: string;
  attributes: Attribute[];
}

/** Every schema that clients see: those of RFC 7643, and what the account adds. */
export function SchemaCatalog() {
  const [shown, setShown] = useState<Schema>();
  const { data, error, isPending } = useScim<ScimList<Schema>>('/Schemas');
  const columns: Column<Schema>[] = [
    {
      title: 'Name',
      cell: (schema) => (
        <Anchor component="button" type="button" size="sm" aria-label={`Show ${schema.name}`} onClick={() => setShown(schema)}>
          {schema.name}
        </Anchor>
      ),
    },
    { title: 'URN', cell: (schema) => <div style={{ minWidth: 220 }}><Id>{schema.id}</Id></div> },
    { title: 'Attributes', width: 100, cell: (schema) => schema.attributes.length },
  ];
  return (
    <Section title="All schemas" about="As GET /Schemas tells them to clients; read-only.">
      <Listing label="All schemas" columns={columns} items={data ? (data.resource.Resources ?? []) : undefined} keyOf={(schema) => schema.id} loading={isPending} error={error} empty="There are none." />
      <Modal opened={shown !== undefined} onClose={() => setShown(undefined)} title={shown?.name ?? ''} size="xl">
        {shown && (
          <Stack>
            <Id>{shown.id}</Id>
            {shown.description && <Text size="sm">{shown.description}</Text>}
            <AttributeList attributes={shown.attributes} label={`Attributes of ${shown.name}`} />
          </Stack>
        )}
      </Modal>
    </Section>
  );
}
