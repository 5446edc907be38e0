import { Anchor, Badge, Button, Group, List, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';

import { useSession } from '../session';
import { tell } from '../ui/calls';
import { Confirm } from '../ui/Confirm';
import { Failure } from '../ui/Failure';
import { Section } from '../ui/Section';
import { ServiceAccountField } from '../trust/ServiceAccountField';
import { type Outcome, type SettingItem, TRUST_SETTINGS, useChange } from './settings';
import { DEFAULT, trustPage } from '../trust/trust';
import { Warnings } from '../trust/Warnings';

type Field = keyof typeof TRUST_SETTINGS;

const FIELDS = Object.keys(TRUST_SETTINGS) as Field[];

/** The four settings that make the trust `default`, changed together or not at all. */
export function DefaultTrust({ items }: { items: SettingItem[] }) {
  const { can } = useSession();
  const change = useChange();
  const [draft, setDraft] = useState<Partial<Record<Field, string>>>({});
  const [outcomes, setOutcomes] = useState<Outcome[]>([]);
  const [clearing, setClearing] = useState(false);
  const stored = (field: Field) => items.find(({ setting }) => setting.identifier === TRUST_SETTINGS[field])?.setting.value ?? '';
  const value = (field: Field) => draft[field] ?? stored(field);
  const put = (field: Field) => (text: string) => setDraft({ ...draft, [field]: text });
  const saving = useMutation({
    mutationFn: () => change(FIELDS.map((field) => ({ identifier: TRUST_SETTINGS[field], value: value(field), updateType: 'UPDATE' })), true),
    onSuccess: (said) => {
      setOutcomes(said);
      if (!said.every((one) => one.updateStatus)) return;
      setDraft({});
      tell('The four settings were stored.');
    },
  });
  const clear = async () => {
    const said = await change(FIELDS.map((field) => ({ identifier: TRUST_SETTINGS[field], updateType: 'RESTORE' })), true);
    const refused = said.find((one) => !one.updateStatus);
    if (refused) throw new Error(refused.errorMessage ?? 'They were not unset.');
    setOutcomes([]);
    setDraft({});
    tell('The four settings were unset.');
  };
  const errorOf = (field: Field) => {
    const outcome = outcomes.find((one) => one.identifier === TRUST_SETTINGS[field]);
    // Of the others it is only said that they were not stored, either.
    const own = outcome?.errorMessage && !/^Not stored, because another item/.test(outcome.errorMessage);
    return own ? (outcome.errorMessage ?? undefined) : undefined;
  };
  const warnings = outcomes.flatMap(({ identifier, warning }) => (warning ? [{ code: identifier, message: warning }] : []));
  const failed = outcomes.some((one) => !one.updateStatus);
  const editable = can('core_setting_edit');
  const some = FIELDS.some((field) => stored(field) !== '');
  const complete = FIELDS.every((field) => stored(field) !== '');
  const same = (field: Field) => ({
    value: value(field),
    error: errorOf(field),
    disabled: !editable,
    onChange: (event: React.ChangeEvent<HTMLInputElement>) => put(field)(event.currentTarget.value),
    spellCheck: false,
  });
  return (
    <Section
      title="The default trust"
      about="Four settings that make one trust for the SCIM API, stored together or not at all."
      actions={
        complete ? (
          <Anchor component={Link} href={trustPage(DEFAULT)} size="sm">
            Open the trust default
          </Anchor>
        ) : (
          <Badge variant="default" tt="none">
            {some ? 'incomplete: no token is taken' : 'not set'}
          </Badge>
        )
      }
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (editable && !saving.isPending) saving.mutate();
        }}
      >
        <Stack>
          <SimpleGrid cols={{ base: 1, md: 2 }}>
            <TextInput label="JWKS URL" description={TRUST_SETTINGS.url} placeholder="https://issuer.example.com/jwks" {...same('url')} />
            {editable ? (
              <ServiceAccountField
                label="Acts as service account"
                description={TRUST_SETTINGS.account}
                value={value('account')}
                onChange={put('account')}
                error={errorOf('account')}
              />
            ) : (
              <TextInput label="Acts as service account" description={TRUST_SETTINGS.account} {...same('account')} />
            )}
            <TextInput label="Claim" description={TRUST_SETTINGS.claim} placeholder="client_id" {...same('claim')} />
            <TextInput label="Value of the claim" description={TRUST_SETTINGS.value} placeholder="identity-sync" {...same('value')} />
          </SimpleGrid>
          {failed && (
            <Failure error={new Error('Nothing was stored: correct what is marked.')} title="The settings were refused" />
          )}
          <Failure error={saving.error} />
          <Warnings warnings={warnings} />
          {editable && (
            <Group justify="flex-end">
              {some && (
                <Button variant="default" onClick={() => setClearing(true)}>
                  Unset all four
                </Button>
              )}
              <Button type="submit" loading={saving.isPending}>
                Save all four
              </Button>
            </Group>
          )}
        </Stack>
      </form>
      <Confirm opened={clearing} onClose={() => setClearing(false)} title="Unset the four settings?" action="Unset" run={clear}>
        <Text size="sm">With them the trust default ends:</Text>
        <List size="sm" mt="xs">
          <List.Item>its tokens are refused from the next request on;</List.Item>
          <List.Item>what it says beyond the four settings is gone.</List.Item>
        </List>
      </Confirm>
    </Section>
  );
}
