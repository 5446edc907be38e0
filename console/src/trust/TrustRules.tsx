import { Button, CloseButton, Fieldset, Group, Select, Stack, Text, TextInput } from '@mantine/core';

import type { RuleDraft } from './trustDraft';

const OPERATORS = ['equals', 'oneOf', 'contains', 'containsWord', 'glob'];
const KINDS = [
  { value: 'text', label: 'text' },
  { value: 'json', label: 'JSON' },
];

interface Props {
  rules: RuleDraft[];
  onChange: (rules: RuleDraft[]) => void;
}

/** The rules of a trust: claim, operator, value. */
export function TrustRules({ rules, onChange }: Props) {
  const put = (index: number, change: Partial<RuleDraft>) =>
    onChange(rules.map((rule, at) => (at === index ? { ...rule, ...change } : rule)));
  return (
    <Fieldset legend="Rules: all must hold">
      <Stack gap="xs">
        {rules.length === 0 && (
          <Text size="sm" c="dimmed">
            None: every token of the issuer and audience is taken.
          </Text>
        )}
        {rules.map((rule, index) => (
          // Rules have no name of their own; their place is one.
          <Group key={index} gap="xs" align="flex-end" role="group" aria-label={`Rule ${index + 1}`}>
            <TextInput
              label="Claim"
              value={rule.claim}
              onChange={(event) => put(index, { claim: event.currentTarget.value })}
              placeholder="sub or /realm_access/roles"
              flex="1 1 150px"
              spellCheck={false}
            />
            <Select
              label="Operator"
              data={OPERATORS.includes(rule.op) ? OPERATORS : [...OPERATORS, rule.op]}
              value={rule.op}
              // A list can be written as JSON only.
              onChange={(op) => op && put(index, op === 'oneOf' && rule.kind === 'text' ? { op, kind: 'json', value: JSON.stringify([rule.value]) } : { op })}
              allowDeselect={false}
              w={135}
            />
            <Select
              label="Written as"
              data={KINDS}
              value={rule.kind}
              onChange={(kind) => kind && put(index, { kind: kind === 'json' ? 'json' : 'text' })}
              allowDeselect={false}
              w={90}
            />
            <TextInput
              label="Value"
              value={rule.value}
              onChange={(event) => put(index, { value: event.currentTarget.value })}
              flex="2 1 180px"
              spellCheck={false}
            />
            <CloseButton aria-label={`Remove rule ${index + 1}`} onClick={() => onChange(rules.filter((_, at) => at !== index))} mb={4} />
          </Group>
        ))}
        <Group>
          <Button size="xs" variant="default" onClick={() => onChange([...rules, { claim: '', op: 'equals', kind: 'text', value: '' }])}>
            Add a rule
          </Button>
        </Group>
      </Stack>
    </Fieldset>
  );
}
