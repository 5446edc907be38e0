import { Button } from '@mantine/core';
import { useState } from 'react';

import { type Page, platform } from '../api';
import { useSession } from '../session';
import { tell, usePlatform, useRefresh } from '../ui/calls';
import { Confirm } from '../ui/Confirm';
import { Failure } from '../ui/Failure';
import { PageFrame } from '../ui/PageFrame';
import { type Place, PlaceForm } from './PlaceForm';
import { PlaceList, usePlaceSearch } from './PlaceList';
import { Projects } from './Projects';
import { useEditing } from '../ui/useEditing';

interface Item {
  organization: Place;
  lastModifiedAt: number;
  harnessManaged: boolean;
}

const PATH = '/ng/api/organizations';

function pathOf(identifier: string): string {
  return `${PATH}/${encodeURIComponent(identifier)}`;
}

export function Organizations() {
  const { can, credential, scope, setScope } = useSession();
  const search = usePlaceSearch();
  const list = usePlatform<Page<Item>>(PATH, { query: search.query, keep: true });
  const data = list.data && { ...list.data, content: list.data.content.map((item) => ({ ...item, place: item.organization })) };
  // The projects shown are those of the scope's organization until another one is chosen.
  const [chosen, setChosen] = useState(scope.org);
  const form = useEditing<Item>();
  const deleting = useEditing<Item>();
  const leaving = deleting.edited?.organization;
  const refresh = useRefresh();
  const shown = data?.content.find(({ place }) => place.identifier === chosen)?.place;
  const org = chosen === undefined ? undefined : (shown ?? { identifier: chosen, name: chosen });

  const save = async (place: Place) => {
    await platform(credential, form.edited ? pathOf(place.identifier) : PATH, {
      method: form.edited ? 'PUT' : 'POST',
      body: { organization: place },
      headers: form.headers,
    });
    await refresh(PATH);
    tell(`The organization ${place.identifier} is ${form.edited ? 'changed' : 'created'}.`);
  };
  const remove = async (identifier: string) => {
    await platform(credential, pathOf(identifier), { method: 'DELETE', headers: deleting.headers });
    // Nothing is asked in what is gone.
    if (chosen === identifier) setChosen(undefined);
    if (scope.org === identifier) setScope({});
    search.setPage(1);
    await refresh(PATH, '/ng/api/projects');
    tell(`The organization ${identifier} is deleted.`);
  };
  return (
    <PageFrame
      title="Organizations"
      about="Organizations and their projects: the scopes below the account, each with service accounts, groups, roles and settings of its own."
      actions={can('core_organization_create') && <Button onClick={form.create}>New organization</Button>}
    >
      <Failure error={form.error ?? deleting.error} title="The organization could not be loaded" />
      <PlaceList
        label="organizations"
        search={search}
        list={{ data, error: list.error, isPending: list.isPending }}
        empty="There is none that you may see."
        actions={({ place, harnessManaged }) => [
          { word: 'Projects', pressed: chosen === place.identifier, run: () => setChosen(chosen === place.identifier ? undefined : place.identifier) },
          ...(can('core_organization_edit') && !harnessManaged ? [{ word: 'Edit', run: () => form.edit({ path: pathOf(place.identifier) }) }] : []),
          ...(can('core_organization_delete') && !harnessManaged ? [{ word: 'Delete', danger: true, run: () => deleting.edit({ path: pathOf(place.identifier) }) }] : []),
        ]}
      />
      {org && <Projects key={org.identifier} org={org} />}
      <PlaceForm
        opened={form.opened}
        onClose={form.close}
        what="organization"
        place={form.edited?.organization}
        save={save}
        reload={async () => (await form.reload())?.organization}
      />
      <Confirm
        opened={deleting.opened}
        onClose={deleting.close}
        title={`Delete the organization ${leaving?.name ?? ''}?`}
        action="Delete"
        typed={leaving?.identifier ?? ''}
        reload={deleting.reload}
        run={async () => {
          if (leaving) await remove(leaving.identifier);
        }}
      >
        All that is in it and in its projects goes with it: the projects, service accounts with their tokens, groups, roles,
        resource groups, role assignments and settings. This cannot be undone.
      </Confirm>
    </PageFrame>
  );
}
