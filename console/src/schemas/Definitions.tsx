import { Anchor, Button, Group, Modal, Stack, Text } from '@mantine/core';
import { type ReactNode, useState } from 'react';

import { platform } from '../api';
import { useSession } from '../session';
import { tell, usePlatform, useRefresh } from '../ui/calls';
import { Confirm } from '../ui/Confirm';
import { Failure } from '../ui/Failure';
import { type Column, Listing } from '../ui/Listing';
import { Section } from '../ui/Section';
import { type Editing, useEditing } from '../ui/useEditing';

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
  form: (editing: Editing<T>) => ReactNode;
}

/** The definitions of one kind: to be looked at, and changed by who may change settings. */
export function Definitions<T extends Definition>({ path, title, about, one, empty, keyOf, columns, view, form }: Props<T>) {
  const { can, credential } = useSession();
  const refresh = useRefresh();
  const [viewed, setViewed] = useState<T>();
  const editing = useEditing<T>();
  const deleting = useEditing<T>();
  const list = usePlatform<T[]>(path);
  const mayEdit = can('core_setting_edit');
  const leaving = deleting.edited;
  const pathOf = (definition: T) => `${path}/${encodeURIComponent(keyOf(definition))}`;

  const all: Column<T>[] = [
    {
      title: 'Name',
      cell: (definition) => (
        <>
          <Anchor component="button" type="button" size="sm" onClick={() => setViewed(definition)}>
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
          <Button variant="subtle" size="compact-sm" aria-label={`Edit ${definition.name}`} onClick={() => editing.edit({ path: pathOf(definition) })}>
            Edit
          </Button>
          <Button variant="subtle" color="red" size="compact-sm" aria-label={`Delete ${definition.name}`} onClick={() => deleting.edit({ path: pathOf(definition) })}>
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
          <Button size="xs" onClick={editing.create}>
            Create {one}
          </Button>
        )
      }
    >
      <Failure error={editing.error ?? deleting.error} title="It could not be loaded" />
      <Listing label={title} columns={all} items={list.data} keyOf={keyOf} loading={list.isPending} error={list.error} empty={empty} />
      <Modal opened={viewed !== undefined} onClose={() => setViewed(undefined)} title={viewed?.name ?? ''} size="xl">
        {viewed && <Stack>{view(viewed)}</Stack>}
      </Modal>
      {form(editing)}
      <Confirm
        opened={deleting.opened}
        onClose={deleting.close}
        title={`Delete ${leaving?.name ?? ''}?`}
        action="Delete"
        reload={deleting.reload}
        run={async () => {
          if (!leaving) return;
          await platform(credential, pathOf(leaving), { method: 'DELETE', headers: deleting.headers });
          tell(`${leaving.name} is deleted.`);
          void refresh(path, 'scim:/Schemas', 'scim:/ResourceTypes');
        }}
      >
        It leaves /Schemas and /ResourceTypes at once, and what clients send of it is unknown from then on. It is refused as long as a resource has data of it.
      </Confirm>
    </Section>
  );
}
