import { Button } from '@mantine/core';

import { type Page, platform } from '../api';
import { useSession } from '../session';
import { tell, usePlatform, useRefresh } from '../ui/calls';
import { Confirm } from '../ui/Confirm';
import { Failure } from '../ui/Failure';
import { type Place, PlaceForm } from './PlaceForm';
import { PlaceList, usePlaceSearch } from './PlaceList';
import { Section } from '../ui/Section';
import { useEditing } from '../ui/useEditing';

interface Item {
  project: Place & { orgIdentifier: string; color?: string; modules?: string[] };
  lastModifiedAt: number;
}

const PATH = '/ng/api/projects';

function pathOf(identifier: string): string {
  return `${PATH}/${encodeURIComponent(identifier)}`;
}

export function Projects({ org }: { org: Place }) {
  const { can, credential, scope, setScope } = useSession();
  const search = usePlaceSearch();
  const within = { org: org.identifier };
  const list = usePlatform<Page<Item>>(PATH, { query: search.query, scope: within, keep: true });
  const data = list.data && { ...list.data, content: list.data.content.map((item) => ({ ...item, place: item.project })) };
  const form = useEditing<Item>();
  const deleting = useEditing<Item>();
  const leaving = deleting.edited?.project;
  const refresh = useRefresh();

  const save = async (place: Place) => {
    const project = form.edited?.project;
    // What the form does not show stays as it is.
    const body = { project: { ...project, ...place, orgIdentifier: org.identifier } };
    await platform(credential, project ? pathOf(place.identifier) : PATH, {
      method: project ? 'PUT' : 'POST',
      body,
      scope: within,
      headers: form.headers,
    });
    await refresh(PATH);
    tell(`The project ${place.identifier} is ${project ? 'changed' : 'created'}.`);
  };
  const remove = async (identifier: string) => {
    await platform(credential, pathOf(identifier), { method: 'DELETE', scope: within, headers: deleting.headers });
    if (scope.org === org.identifier && scope.project === identifier) setScope(within);
    search.setPage(1);
    await refresh(PATH);
    tell(`The project ${identifier} is deleted.`);
  };
  return (
    <Section
      title={`Projects of ${org.name}`}
      actions={can('core_project_create') && <Button onClick={form.create}>New project</Button>}
    >
      <Failure error={form.error ?? deleting.error} title="The project could not be loaded" />
      <PlaceList
        label="projects"
        search={search}
        list={{ data, error: list.error, isPending: list.isPending }}
        empty="It has no projects."
        actions={({ project }) => [
          ...(can('core_project_edit') ? [{ word: 'Edit', run: () => form.edit({ path: pathOf(project.identifier), scope: within }) }] : []),
          ...(can('core_project_delete') ? [{ word: 'Delete', danger: true, run: () => deleting.edit({ path: pathOf(project.identifier), scope: within }) }] : []),
        ]}
      />
      <PlaceForm
        opened={form.opened}
        onClose={form.close}
        what="project"
        place={form.edited?.project}
        save={save}
        reload={async () => (await form.reload())?.project}
      />
      <Confirm
        opened={deleting.opened}
        onClose={deleting.close}
        title={`Delete the project ${leaving?.name ?? ''}?`}
        action="Delete"
        typed={leaving?.identifier ?? ''}
        reload={deleting.reload}
        run={async () => {
          if (leaving) await remove(leaving.identifier);
        }}
      >
        All that is in it goes with it: its service accounts with their tokens, groups, roles, resource groups, role assignments
        and settings. This cannot be undone.
      </Confirm>
    </Section>
  );
}
