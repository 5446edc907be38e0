import { Button, Checkbox, NativeSelect, Stack, Table, TextInput, Title } from '@mantine/core';

import { type Attribute, indexable, MUTABILITIES, NEW_ATTRIBUTE, RETURNED, TYPES, UNIQUENESS } from './scimSchema';

interface Props {
  attributes: Attribute[];
  onChange: (attributes: Attribute[]) => void;
  /** The complex attribute that these are in; they have none in them. */
  within?: string;
}

const HEADS = ['Name', 'Type', 'List', 'Required', 'Mutability', 'Returned', 'Uniqueness', 'Indexed', 'Remove'];

/** The attributes of a schema as a table, those of complex ones below it; what it has no column for stays as it is. */
export function AttributeEditor({ attributes, onChange, within }: Props) {
  const put = (place: number, attribute: Attribute) => onChange(attributes.map((one, index) => (index === place ? attribute : one)));
  const title = within === undefined ? 'Attributes' : `Sub-attributes of ${within}`;
  const label = (place: number) => (within === undefined ? `attribute ${place + 1}` : `sub-attribute ${place + 1} of ${within}`);
  return (
    <Stack gap="xs" pl={within === undefined ? 0 : 'lg'} component="section" aria-label={title}>
      <Title order={within === undefined ? 3 : 4} size="h5">
        {title}
      </Title>
      <Table.ScrollContainer minWidth={900}>
        <Table verticalSpacing={4} horizontalSpacing={6} aria-label={title}>
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
                label={label(place)}
                attribute={attribute}
                types={within === undefined ? TYPES : TYPES.filter((type) => type !== 'complex')}
                onChange={(changed) => put(place, changed)}
                onRemove={() => onChange(attributes.filter((_, index) => index !== place))}
              />
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Button variant="default" size="xs" w="max-content" onClick={() => onChange([...attributes, NEW_ATTRIBUTE])}>
        {within === undefined ? 'Add an attribute' : `Add a sub-attribute of ${within}`}
      </Button>
      {attributes.map(
        (attribute, place) =>
          attribute.type === 'complex' && (
            <AttributeEditor
              key={place}
              within={attribute.name || label(place)}
              attributes={attribute.subAttributes ?? []}
              onChange={(subAttributes) => put(place, { ...attribute, subAttributes })}
            />
          ),
      )}
    </Stack>
  );
}

interface RowProps {
  label: string;
  attribute: Attribute;
  types: string[];
  onChange: (attribute: Attribute) => void;
  onRemove: () => void;
}

type Word = 'type' | 'mutability' | 'returned' | 'uniqueness';
type Flag = 'multiValued' | 'required' | 'indexed';

function Row({ label, attribute, types, onChange, onRemove }: RowProps) {
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
      </Table.Td>
      <Table.Td>{select('type', 'Type', types)}</Table.Td>
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
    ...(type === 'complex' && { subAttributes: subAttributes ?? [{ ...NEW_ATTRIBUTE, name: 'value' }] }),
  };
}
