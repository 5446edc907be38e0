import { Table, Text } from '@mantine/core';

import type { Attribute } from './scimSchema';

/** The attributes of a schema, with their sub-attributes below them. */
export function AttributeList({ attributes, label }: { attributes: Attribute[]; label: string }) {
  return (
    <Table.ScrollContainer minWidth={640}>
      <Table verticalSpacing={4} aria-label={label}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Name</Table.Th>
            <Table.Th scope="col">Type</Table.Th>
            <Table.Th scope="col">Mutability</Table.Th>
            <Table.Th scope="col">Returned</Table.Th>
            <Table.Th scope="col">Also</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {attributes.flatMap((one) => [
            <Row key={one.name} name={one.name} attribute={one} />,
            ...(one.subAttributes ?? []).map((sub) => <Row key={`${one.name}.${sub.name}`} name={`${one.name}.${sub.name}`} attribute={sub} />),
          ])}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Row({ name, attribute }: { name: string; attribute: Attribute }) {
  const { type, multiValued, required, mutability, returned, uniqueness, indexed, caseExact } = attribute;
  const also = [required && 'required', uniqueness && uniqueness !== 'none' && 'unique', indexed && 'indexed', caseExact && 'case matters'];
  return (
    <Table.Tr>
      <Table.Td className="mono">{name}</Table.Td>
      <Table.Td>
        <Text size="sm">{multiValued ? `list of ${type}` : type}</Text>
      </Table.Td>
      <Table.Td>
        <Text size="sm">{mutability ?? '–'}</Text>
      </Table.Td>
      <Table.Td>
        <Text size="sm">{returned ?? '–'}</Text>
      </Table.Td>
      <Table.Td>
        <Text size="sm">{also.filter(Boolean).join(', ') || '–'}</Text>
      </Table.Td>
    </Table.Tr>
  );
}
