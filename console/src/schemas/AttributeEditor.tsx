import { Button, Checkbox, Group, NativeSelect, Stack, Table, Text, TextInput, Title } from '@mantine/core';

import { type Attribute, indexable, MUTABILITIES, NEW_ATTRIBUTE, RETURNED, TYPES, UNIQUENESS } from './scimSchema';

interface Props {
  attributes: Attribute[];
  onChange: (attributes: Attribute[]) => void;
}

const HEADS = ['Name', 'Type', 'List', 'Required', 'Mutability', 'Returned', 'Uniqueness', 'Indexed', 'Remove'];

/** The attributes of a schema as a table; what it has no column for stays as it is. */
export function AttributeEditor({ attributes, onChange }: Props) {
  const put = (place: number, attribute: Attribute) => onChange(attributes.map((one, index) => (index === place ? attribute : one)));
  return (
    <Stack gap="xs">
      <Title order={3} size="h5">
        Attributes
      </Title>
      <Table.ScrollContainer minWidth={900}>
        <Table verticalSpacing={4} horizontalSpacing={6} aria-label="Attributes">
          <Table.Thead>
            <Table.Tr>
              {HEADS.map((head) => (
                <Table.Th key={head} scope="col">
                  {head}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {attributes.map((attribute, place) => (
              <Row
                key={place}
                label={`attribute ${place + 1}`}
                attribute={attribute}
                onChange={(changed) => put(place, changed)}
                onRemove={() => onChange(attributes.filter((_, index) => index !== place))}
              />
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Group justify="space-between">
        <Button variant="default" size="xs" onClick={() => onChange([...attributes, NEW_ATTRIBUTE])}>
          Add an attribute
        </Button>
        {attributes.some((one) => one.type === 'complex') && (
          <Text size="xs" c="dimmed">
            Sub-attributes of complex ones are written as JSON.
          </Text>
        )}
      </Group>
    </Stack>
  );
}

interface RowProps {
  label: string;
  attribute: Attribute;
  onChange: (attribute: Attribute) => void;
  onRemove: () => void;
}

type Word = 'type' | 'mutability' | 'returned' | 'uniqueness';
type Flag = 'multiValued' | 'required' | 'indexed';

function Row({ label, attribute, onChange, onRemove }: RowProps) {
  const select = (name: Word, title: string, data: string[]) => {
    const value = attribute[name] ?? data[0] ?? '';
    return (
      <NativeSelect
        size="xs"
        aria-label={`${title} of ${label}`}
        data={data.includes(value) ? data : [...data, value]}
        value={value}
        onChange={(event) => onChange(name === 'type' ? retyped(attribute, event.currentTarget.value) : { ...attribute, [name]: event.currentTarget.value })}
      />
    );
  };
  const check = (name: Flag, title: string, disabled = false) => (
    <Checkbox
      size="xs"
      aria-label={`${title}: ${label}`}
      disabled={disabled}
      checked={attribute[name] ?? false}
      onChange={(event) => onChange({ ...attribute, [name]: event.currentTarget.checked })}
    />
  );
  return (
    <Table.Tr>
      <Table.Td miw={150}>
        <TextInput size="xs" aria-label={`Name of ${label}`} value={attribute.name} onChange={(event) => onChange({ ...attribute, name: event.currentTarget.value })} />
        {attribute.subAttributes && (
          <Text size="xs" c="dimmed">
            {attribute.subAttributes.map((one) => one.name).join(', ')}
          </Text>
        )}
      </Table.Td>
      <Table.Td>{select('type', 'Type', TYPES)}</Table.Td>
      <Table.Td>{check('multiValued', 'A list')}</Table.Td>
      <Table.Td>{check('required', 'Required')}</Table.Td>
      <Table.Td>{select('mutability', 'Mutability', MUTABILITIES)}</Table.Td>
      <Table.Td>{select('returned', 'Returned', RETURNED)}</Table.Td>
      <Table.Td>{select('uniqueness', 'Uniqueness', UNIQUENESS)}</Table.Td>
      <Table.Td>{check('indexed', 'Indexed', !indexable(attribute.type))}</Table.Td>
      <Table.Td>
        <Button variant="subtle" color="red" size="compact-xs" aria-label={`Remove ${label}`} onClick={onRemove}>
          Remove
        </Button>
      </Table.Td>
    </Table.Tr>
  );
}

/** What the new type cannot have goes with the old one. */
function retyped(attribute: Attribute, type: string): Attribute {
  const { indexed, caseExact, subAttributes, ...rest } = attribute;
  return {
    ...rest,
    type,
    ...(indexable(type) && { indexed: indexed ?? false, ...(caseExact !== undefined && { caseExact }) }),
    ...(type === 'complex' && { subAttributes: subAttributes ?? [{ name: 'value', type: 'string' }] }),
  };
}
