import { Anchor, Button, Center, Loader, Text, Textarea, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { Link, useLocation } from 'wouter';

import { platform } from '../api';
import { useSession } from '../session';
import { levelOf, placeName } from '../access/access';
import { AssignForm } from '../access/AssignForm';
import { AssignmentList } from '../access/AssignmentList';
import { tell, usePlatform, useRefresh } from '../ui/calls';
import { Confirm } from '../ui/Confirm';
import { Failure } from '../ui/Failure';
import { FormModal } from '../ui/FormModal';
import { idOf } from '../ui/idOf';
import { PageFrame } from '../ui/PageFrame';
import { Section } from '../ui/Section';
import { LIST, type ServiceAccount, type ServiceAccountRow } from './serviceAccounts';
import { TokensPanel } from './TokensPanel';
import { useDraft } from '../ui/useDraft';
import { type Editing, useEditing } from '../ui/useEditing';
import { Facts, Id, Tags, Time } from '../ui/words';

/** A service account of the chosen scope: its keys and tokens, and what they may do. */
export function ServiceAccountDetail({ params }: { params: { id: string } }) {
  const { scope, can } = useSession();
  const identifier = idOf(params);
  const path = `${LIST}/${encodeURIComponent(identifier)}`;
  const { data, error, isPending } = usePlatform<ServiceAccountRow>(path, { scope });
  const editing = useEditing<ServiceAccountRow>();
  const deleting = useEditing<ServiceAccountRow>();
  const back = (
    <Anchor component={Link} href="/service-accounts" size="sm">
      All service accounts
    </Anchor>
  );
  if (!data) {
    return (
      <PageFrame title={identifier} about={back}>
        <Failure error={error} title="It could not be loaded from the scope chosen above" />
        {isPending && (
          <Center p="xl">
            <Loader aria-label="Loading the service account" />
          </Center>
        )}
      </PageFrame>
    );
  }
  const { serviceAccount } = data;
  const managesKeys = can('core_serviceaccount_manageapikey');
  return (
    <PageFrame
      title={serviceAccount.name}
      about={back}
      actions={
        <>
          {can('core_serviceaccount_edit') && (
            <Button variant="default" onClick={() => editing.edit({ path, scope })}>
              Edit
            </Button>
          )}
          {can('core_serviceaccount_delete') && (
            <Button color="red" variant="outline" onClick={() => deleting.edit({ path, scope })}>
              Delete
            </Button>
          )}
        </>
      }
    >
      <Failure error={editing.error ?? deleting.error} title="It could not be loaded" />
      <FactsOf row={data} />
      {managesKeys ? (
        <TokensPanel owner={{ type: 'SERVICE_ACCOUNT', identifier, scope }} />
      ) : (
        <Section title="Tokens">
          <Text size="sm" c="dimmed">
            Its API keys and tokens are shown to whoever holds <code>core_serviceaccount_manageapikey</code> on it.
          </Text>
        </Section>
      )}
      <Roles serviceAccount={serviceAccount} />
      <Edit editing={editing} />
      <Delete deleting={deleting} row={deleting.edited ?? data} />
    </PageFrame>
  );
}

function FactsOf({ row }: { row: ServiceAccountRow }) {
  const { serviceAccount, createdAt, lastModifiedAt } = row;
  const tags = Object.entries(serviceAccount.tags).map(([name, value]) => (value ? `${name}: ${value}` : name));
  return (
    <Section title="Facts">
      <Facts
        facts={[
          ['Identifier', <Id key="id">{serviceAccount.identifier}</Id>],
          ['Address', serviceAccount.email],
          ['Scope', placeName(serviceAccount)],
          ['Description', serviceAccount.description || '–'],
          ...(tags.length > 0 ? [['Tags', <Tags key="tags" words={tags} />] as [string, ReactNode]] : []),
          ['Created', <Time key="created" at={createdAt} />],
          ['Last modified', <Time key="modified" at={lastModifiedAt} />],
        ]}
      />
    </Section>
  );
}

function Roles({ serviceAccount }: { serviceAccount: ServiceAccount }) {
  const { scope, can } = useSession();
  const [giving, setGiving] = useState(false);
  const { identifier, name } = serviceAccount;
  const principal = { type: 'SERVICE_ACCOUNT' as const, identifier, scopeLevel: levelOf(scope) };
  return (
    <Section
      title="Role assignments"
      about="What it may do in its scope and below. Without a role its tokens open nothing."
      actions={
        can('core_serviceaccount_edit') && (
          <Button size="xs" onClick={() => setGiving(true)}>
            Give a role
          </Button>
        )
      }
    >
      <AssignmentList filter={{ principalFilter: principal }} below={!scope.project} ofAll={false} empty="It has no role: each request with its tokens is refused." />
      <AssignForm opened={giving} onClose={() => setGiving(false)} principal={{ ...principal, name }} />
    </Section>
  );
}

function draftOf(row: ServiceAccountRow | undefined) {
  return { name: row?.serviceAccount.name ?? '', description: row?.serviceAccount.description ?? '' };
}

function Edit({ editing: { opened, close, edited, headers, reload } }: { editing: Editing<ServiceAccountRow> }) {
  const { credential, scope } = useSession();
  const refresh = useRefresh();
  const [draft, setDraft] = useDraft(opened, () => draftOf(edited));
  const save = async () => {
    if (!edited) return;
    const { identifier, tags } = edited.serviceAccount;
    // Tags that are not sent would go.
    const body = { ...draft, identifier, tags };
    await platform(credential, `/ng/api/serviceaccount/${encodeURIComponent(identifier)}`, { method: 'PUT', body, scope, headers });
    tell('Saved.');
    void refresh('/ng/api/serviceaccount');
  };
  return (
    <FormModal
      opened={opened}
      onClose={close}
      title="Edit the service account"
      action="Save"
      submit={save}
      reload={async () => setDraft(draftOf(await reload()))}
    >
      <TextInput label="Name" value={draft.name} onChange={(event) => setDraft({ ...draft, name: event.currentTarget.value })} required data-autofocus />
      <Textarea label="Description" value={draft.description} onChange={(event) => setDraft({ ...draft, description: event.currentTarget.value })} autosize minRows={2} />
    </FormModal>
  );
}

function Delete({ deleting: { opened, close, headers, reload }, row }: { deleting: Editing<ServiceAccountRow>; row: ServiceAccountRow }) {
  const { credential, scope } = useSession();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const { serviceAccount, tokensCount } = row;
  const { identifier, name } = serviceAccount;
  const remove = async () => {
    await platform(credential, `/ng/api/serviceaccount/${encodeURIComponent(identifier)}`, { method: 'DELETE', scope, headers });
    tell(`${name} is deleted.`);
    // The lists alone: to ask for what is gone would be refused.
    void client.invalidateQueries({ queryKey: [LIST] });
    void client.invalidateQueries({ queryKey: ['/authz/api/roleassignments/v2/filter'] });
  };
  return (
    <Confirm
      opened={opened}
      onClose={close}
      title="Delete the service account?"
      action="Delete"
      run={remove}
      reload={reload}
      onDone={() => navigate('/service-accounts')}
      {...(tokensCount > 0 && { typed: identifier })}
    >
      <b>{name}</b> goes with its {tokensCount} API key{tokensCount === 1 ? '' : 's'}, their tokens and its role assignments. Whatever signs in with
      them is refused with the next request, and none of it can be had back.
    </Confirm>
  );
}
