import { Anchor, Button, Group, Modal, Stack, Text } from '@mantine/core';
import { type ReactNode, useState } from 'react';

import { platform } from '../api';
import { useSession } from '../session';
import { tell, usePlatform, useRefresh } from '../ui/calls';
import { Confirm } from '../ui/Confirm';
import { type Column, Listing } from '../ui/Listing';
import { Section } from '../ui/Section';

interface Definition {
  name: string;
  indexing?: string[];
}

interface Props<T> {
  path: string;
  title: string;
  about: string;
  /** What one is called, as in “Create an extension”. */
  one: string;
  empty: string;
  keyOf: (item: T) => string;
  columns: Column<T>[];
  view: (item: T) => ReactNode;
  form: (window: { opened: boolean; onClose: () => void; replaced: T | undefined }) => ReactNode;
}

type Window<T> = { kind: 'create' } | { kind: 'view' | 'replace' | 'delete'; item: T };

/** The definitions of one kind: to be looked at, and changed by who may change settings. */
export function Definitions<T extends Definition>({ path, title, about, one, empty, keyOf, columns, view, form }: Props<T>) {
  const { can, credential } = useSession();
  const refresh = useRefresh();
  const [window, setWindow] = useState<Window<T>>();
  const close = () => setWindow(undefined);
  const list = usePlatform<T[]>(path);
  const mayEdit = can('core_setting_edit');
  const item = window && window.kind !== 'create' ? window.item : undefined;

  const all: Column<T>[] = [
    {
      title: 'Name',
      cell: (definition) => (
        <>
          <Anchor component="button" type="button" size="sm" onClick={() => setWindow({ kind: 'view', item: definition })}>
            {definition.name}
          </Anchor>
          {definition.indexing && definition.indexing.length > 0 && (
            <Text size="xs" c="dimmed">
              Index being filled: {definition.indexing.join(', ')}
            </Text>
          )}
        </>
      ),
    },
    ...columns,
  ];
  if (mayEdit) {
    all.push({
      title: 'Actions',
      width: 170,
      cell: (definition) => (
        <Group gap={4} wrap="nowrap">
          <Button variant="subtle" size="compact-sm" aria-label={`Edit ${definition.name}`} onClick={() => setWindow({ kind: 'replace', item: definition })}>
            Edit
          </Button>
          <Button variant="subtle" color="red" size="compact-sm" aria-label={`Delete ${definition.name}`} onClick={() => setWindow({ kind: 'delete', item: definition })}>
            Delete
          </Button>
        </Group>
      ),
    });
  }
  return (
    <Section
      title={title}
      about={about}
      actions={
        mayEdit && (
          <Button size="xs" onClick={() => setWindow({ kind: 'create' })}>
            Create {one}
          </Button>
        )
      }
    >
      <Listing label={title} columns={all} items={list.data} keyOf={keyOf} loading={list.isPending} error={list.error} empty={empty} />
      <Modal opened={window?.kind === 'view'} onClose={close} title={item?.name ?? ''} size="xl">
        {item && window?.kind === 'view' && <Stack>{view(item)}</Stack>}
      </Modal>
      {form({ opened: window?.kind === 'create' || window?.kind === 'replace', onClose: close, replaced: window?.kind === 'replace' ? window.item : undefined })}
      <Confirm
        opened={window?.kind === 'delete'}
        onClose={close}
        title={`Delete ${item?.name ?? ''}?`}
        action="Delete"
        run={async () => {
          if (!item) return;
          await platform(credential, `${path}/${encodeURIComponent(keyOf(item))}`, { method: 'DELETE' });
          tell(`${item.name} is deleted.`);
          void refresh(path, 'scim:/Schemas', 'scim:/ResourceTypes');
        }}
      >
        It leaves /Schemas and /ResourceTypes at once, and what clients send of it is unknown from then on. It is refused as long as a resource has data of it.
      </Confirm>
    </Section>
  );
}
