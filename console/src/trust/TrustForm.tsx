import { Group, SegmentedControl, Select, Stack, Text, Textarea } from '@mantine/core';
import { useState } from 'react';

import { Failure } from '../ui/Failure';
import { FormModal } from '../ui/FormModal';
import type { TrustBody } from './trust';
import { bodyOf, draftOf, draftOfText, json, type TrustDraft } from './trustDraft';
import { TrustFields } from './TrustFields';
import { PRESETS } from './trustPresets';
import { useDraft } from '../ui/useDraft';

interface Props<T> {
  opened: boolean;
  onClose: () => void;
  /** Changed, or made without one. */
  trust?: TrustBody | undefined;
  save: (body: unknown) => Promise<T>;
  /** What is stored of it by now. */
  reload?: () => Promise<TrustBody | undefined>;
  onDone?: (made: T) => void;
}

interface Writing {
  preset: string | null;
  draft: TrustDraft;
  /** The whole as JSON, where that is what is written. */
  text: string | undefined;
}

/** A trust in a form of its usual members, or as the JSON that is sent. */
export function TrustForm<T>({ opened, onClose, trust, save, reload, onDone }: Props<T>) {
  const [writing, setWriting] = useDraft<Writing>(opened, () => ({ preset: null, draft: draftOf(trust ?? {}), text: undefined }));
  const { preset, draft, text } = writing;
  const again =
    reload &&
    (async () => {
      const stored = draftOf((await reload()) ?? {});
      // It goes on in the way of writing it that was chosen.
      setWriting((was) => ({ ...was, draft: stored, text: was.text === undefined ? undefined : pretty(stored) }));
    });
  const submit = async () => save(text === undefined ? bodyOf(draft) : json(text, 'The trust'));
  return (
    <FormModal
      opened={opened}
      onClose={onClose}
      title={trust ? `Edit trust ${trust.identifier}` : 'New JWT trust'}
      action={trust ? 'Save' : 'Create'}
      submit={submit}
      reload={again}
      size="xl"
      {...(onDone && { onDone })}
    >
      <Group align="flex-end" justify="space-between">
        {!trust && (
          <Select
            label="Start from"
            placeholder="An issuer’s preset"
            data={PRESETS.map((one) => one.title)}
            value={preset}
            onChange={(title) => {
              const chosen = PRESETS.find((one) => one.title === title);
              if (!chosen) return;
              const made = draftOf({ ...chosen.body, serviceAccount: draft.serviceAccount });
              setWriting({ preset: title, draft: made, text: text === undefined ? undefined : pretty(made) });
            }}
            allowDeselect={false}
            maxDropdownHeight={340}
            w={280}
          />
        )}
        <WayOfWriting writing={writing} onChange={setWriting} />
      </Group>
      {preset && (
        <Text size="sm" c="dimmed">
          {PRESETS.find((one) => one.title === preset)?.note} What is here is an example: put in your own tenant, client and audience.
        </Text>
      )}
      {text === undefined ? (
        <TrustFields draft={draft} onChange={(changed) => setWriting({ ...writing, draft: changed })} fixed={trust !== undefined} />
      ) : (
        <Textarea
          label="The trust as JSON"
          description="What is sent. Members that do not exist are refused."
          value={text}
          onChange={(event) => setWriting({ ...writing, text: event.currentTarget.value })}
          autosize
          minRows={16}
          maxRows={30}
          spellCheck={false}
          classNames={{ input: 'mono' }}
        />
      )}
    </FormModal>
  );
}

/** Form or JSON. What cannot be taken over stays where it is, and says why. */
function WayOfWriting({ writing, onChange }: { writing: Writing; onChange: (writing: Writing) => void }) {
  const [trouble, setTrouble] = useState<unknown>();
  return (
    <Stack gap="xs">
      <SegmentedControl
        aria-label="How to write it"
        data={[
          { value: 'form', label: 'Form' },
          { value: 'json', label: 'JSON' },
        ]}
        value={writing.text === undefined ? 'form' : 'json'}
        onChange={(way) => {
          try {
            if (way === 'json') onChange({ ...writing, text: pretty(writing.draft) });
            else onChange({ ...writing, draft: draftOfText(writing.text ?? '{}'), text: undefined });
            setTrouble(undefined);
          } catch (error) {
            setTrouble(error);
          }
        }}
      />
      <Failure error={trouble} title="This cannot be shown that way" />
    </Stack>
  );
}

function pretty(draft: TrustDraft): string {
  return JSON.stringify(bodyOf(draft), null, 2);
}
