import { Alert, Badge, Button, Group, NumberInput, Select, Stack, Switch, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { useSession } from '../session';
import { tell } from '../ui/calls';
import { Confirm } from '../ui/Confirm';
import { Failure } from '../ui/Failure';
import { type Change, isSetHere, levelOf, type Outcome, type Setting, type SettingItem, useChange } from './settings';
import { Time } from '../ui/words';

const SOURCES = { DEFAULT: 'default', ACCOUNT: 'account', ORG: 'organization', PROJECT: 'project' };
const LEVELS = { ACCOUNT: 'account', ORGANIZATION: 'organization', PROJECT: 'project' };

/** A setting: its value, where that comes from, and what can be done about it here. */
export function SettingRow({ item: { setting, lastModifiedAt } }: { item: SettingItem }) {
  const { can, scope } = useSession();
  const change = useChange();
  const stored = setting.value ?? '';
  const [draft, setDraft] = useState<string>();
  const [asking, setAsking] = useState<'restore' | 'overrides'>();
  const [outcome, setOutcome] = useState<Outcome>();
  const { identifier } = setting;
  const send = async (wanted: Omit<Change, 'identifier'>) => {
    const [said] = await change([{ identifier, ...wanted }]);
    setOutcome(said);
    if (!said?.updateStatus) return;
    setDraft(undefined);
    tell(wanted.updateType === 'RESTORE' ? `${identifier} was restored.` : `${identifier} was changed.`);
  };
  const sending = useMutation({ mutationFn: send });
  const editable = setting.isSettingEditable && can('core_setting_edit');
  const changed = draft !== undefined && draft !== stored;
  const refused = outcome && !outcome.updateStatus ? (outcome.errorMessage ?? 'It was not stored.') : undefined;
  return (
    <Stack component="li" gap="xs" py="sm" className="setting" aria-label={setting.name}>
      <Group align="flex-start" gap="lg">
        <div style={{ flex: '1 1 260px' }}>
          <Text size="sm" fw={600}>
            {setting.name}
          </Text>
          <Text size="xs" c="dimmed" className="mono">
            {identifier}
          </Text>
          {!setting.isSettingEditable && (
            <Text size="xs" c="dimmed">
              {setting.allowedScopes.includes(levelOf(scope)) ? 'Fixed by a scope above' : `Set in the ${setting.allowedScopes.map((one) => LEVELS[one]).join(', ')} only`}
            </Text>
          )}
        </div>
        <Stack gap={4} style={{ flex: '1 1 240px', maxWidth: 340 }}>
          <form
            onSubmit={(event) => {
              event.preventDefault();
              if (changed && !sending.isPending) sending.mutate({ value: draft, updateType: 'UPDATE' });
            }}
          >
            <Group gap="xs" wrap="nowrap" align="flex-start">
              <ValueInput setting={setting} value={draft ?? stored} onChange={setDraft} error={refused} disabled={!editable} />
              {changed && (
                <>
                  <Button type="submit" loading={sending.isPending} aria-label={`Save ${identifier}`}>
                    Save
                  </Button>
                  <Button
                    variant="default"
                    aria-label={`Cancel ${identifier}`}
                    onClick={() => {
                      setDraft(undefined);
                      setOutcome(undefined);
                      sending.reset();
                    }}
                  >
                    Cancel
                  </Button>
                </>
              )}
            </Group>
          </form>
          {editable && setting.allowedScopes.some((one) => depth(one) > depth(levelOf(scope))) && (
            <Switch
              size="xs"
              label="Scopes below may have their own"
              aria-label={`Scopes below may have their own ${identifier}`}
              checked={setting.allowOverrides}
              onChange={(event) => {
                // The value that holds is stored here with it: it cannot be sent alone.
                if (event.currentTarget.checked) sending.mutate({ value: stored, allowOverrides: true, updateType: 'UPDATE' });
                else setAsking('overrides');
              }}
            />
          )}
        </Stack>
        <Stack gap={4} w={200} align="flex-start">
          <Badge variant={setting.settingSource === 'DEFAULT' ? 'default' : 'outline'} tt="none">
            {SOURCES[setting.settingSource]}
          </Badge>
          {lastModifiedAt && (
            <Text size="xs" c="dimmed" component="div">
              <Time at={lastModifiedAt} />
            </Text>
          )}
          {editable && isSetHere(setting, scope) && (
            <Button size="compact-xs" variant="subtle" aria-label={`Restore ${identifier}`} onClick={() => setAsking('restore')}>
              Restore
            </Button>
          )}
        </Stack>
      </Group>
      {outcome?.warning && (
        <Alert color="yellow" variant="light" title="Stored, with a warning">
          {outcome.warning}
        </Alert>
      )}
      <Failure error={sending.error} />
      <Confirm opened={asking === 'restore'} onClose={() => setAsking(undefined)} title={`Restore ${identifier}?`} action="Restore" run={() => send({ updateType: 'RESTORE' })}>
        Its value here, {stored || 'empty'}, is unset. What a scope above has holds again, or else the default
        {setting.defaultValue ? `, ${setting.defaultValue}` : ', which is none'}.
      </Confirm>
      <Confirm
        opened={asking === 'overrides'}
        onClose={() => setAsking(undefined)}
        title={`No values of their own below for ${identifier}?`}
        action="Remove them"
        run={() => send({ value: stored, allowOverrides: false, updateType: 'UPDATE' })}
      >
        The values that scopes below have are removed, and the one here holds for all of them.
      </Confirm>
    </Stack>
  );
}

function depth(level: Setting['allowedScopes'][number]): number {
  return ['ACCOUNT', 'ORGANIZATION', 'PROJECT'].indexOf(level);
}

interface ValueInputProps {
  setting: Setting;
  value: string;
  onChange: (value: string) => void;
  error: string | undefined;
  disabled: boolean;
}

function ValueInput({ setting, value, onChange, error, disabled }: ValueInputProps) {
  const same = { 'aria-label': setting.name, error, disabled, flex: 1 };
  if (setting.valueType === 'Boolean') {
    return (
      <Switch
        {...same}
        label={value === 'true' ? 'on' : 'off'}
        checked={value === 'true'}
        onChange={(event) => onChange(String(event.currentTarget.checked))}
      />
    );
  }
  if (setting.allowedValues) {
    return <Select {...same} data={setting.allowedValues} value={value || null} onChange={(chosen) => onChange(chosen ?? '')} allowDeselect={false} />;
  }
  if (setting.valueType === 'Number') {
    return <NumberInput {...same} value={value} onChange={(number) => onChange(String(number))} allowDecimal={false} hideControls={disabled} />;
  }
  return <TextInput {...same} value={value} onChange={(event) => onChange(event.currentTarget.value)} placeholder="not set" spellCheck={false} />;
}
