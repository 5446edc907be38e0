import { Anchor, Badge, Box, Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';

import { type Page, platform } from '../api';
import { useSession } from '../session';
import { tell, usePlatform, useRefresh } from '../ui/calls';
import { type Column, Listing } from '../ui/Listing';
import { PageFrame } from '../ui/PageFrame';
import { type Refusal, type Trust, trustPage, trustPath, TRUSTS } from './trust';
import { TrustForm } from './TrustForm';
import { Warnings } from './Warnings';
import { Tags, Time, YesNo } from '../ui/words';

// Few, since each row asks for its last refusal.
const PAGE_SIZE = 20;

const COLUMNS: Column<Trust>[] = [
  {
    title: 'Trust',
    cell: ({ jwtTrust, isDefault }) => (
      <Stack gap={2}>
        <Group gap="xs">
          <Anchor component={Link} href={trustPage(jwtTrust.identifier)} size="sm">
            {jwtTrust.name}
          </Anchor>
          {isDefault && (
            <Badge variant="default" tt="none">
              of the four settings
            </Badge>
          )}
        </Group>
        <Text size="xs" c="dimmed" className="mono">
          {jwtTrust.identifier}
        </Text>
      </Stack>
    ),
  },
  { title: 'State', cell: ({ jwtTrust }) => <Box miw={90}><YesNo yes={jwtTrust.enabled === true} on="enabled" off="disabled" /></Box>, width: 110 },
  {
    title: 'Issuer',
    cell: ({ jwtTrust: { issuer, jwks } }) => (
      <Text size="sm" miw={180} style={{ overflowWrap: 'anywhere' }} {...(!issuer && !jwks.discovery && { c: 'dimmed' })}>
        {issuer ?? jwks.discovery ?? 'any'}
      </Text>
    ),
  },
  { title: 'Acts as', cell: ({ jwtTrust }) => <Text className="mono" miw={120}>{jwtTrust.serviceAccount}</Text> },
  { title: 'Surfaces', cell: ({ jwtTrust }) => <Box miw={90}><Tags words={jwtTrust.surfaces ?? []} /></Box>, width: 160 },
  { title: 'Last refusal', cell: ({ jwtTrust }) => <LastRefusal identifier={jwtTrust.identifier} />, width: 220 },
];

/** Whose JWTs the account takes. */
export function Trusts() {
  const { can } = useSession();
  const [creating, setCreating] = useState(false);
  const [text, setText] = useState('');
  const [searchTerm] = useDebouncedValue(text.trim(), 300);
  const [page, setPage] = useState(1);
  const trusts = usePlatform<Page<Trust>>(TRUSTS, {
    query: { searchTerm, pageIndex: page - 1, pageSize: PAGE_SIZE, sortOrders: 'name,ASC' },
    keep: true,
  });
  const data = trusts.data;
  return (
    <PageFrame
      title="JWT trusts"
      about="Whose JWTs the account takes, which of them, and as which service account they act."
      actions={can('core_setting_edit') && <Button onClick={() => setCreating(true)}>New trust</Button>}
    >
      <TextInput
        label="Search identifiers, names and issuers"
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setPage(1);
        }}
        maw={420}
      />
      <Listing
        label="JWT trusts"
        columns={COLUMNS}
        items={data?.content}
        keyOf={({ jwtTrust }) => jwtTrust.identifier}
        loading={trusts.isPending}
        error={trusts.error}
        empty={searchTerm ? 'No trust matches.' : 'There are no trusts yet: no JWT is taken.'}
        {...(data && { pages: { page, total: data.totalPages, items: data.totalItems, onPage: setPage } })}
      />
      <NewTrust opened={creating} onClose={() => setCreating(false)} />
    </PageFrame>
  );
}

function LastRefusal({ identifier }: { identifier: string }) {
  const refusals = usePlatform<Refusal[]>(trustPath(identifier, '/refusals'));
  const last = refusals.data?.[0];
  if (refusals.isPending) return <Text size="sm">…</Text>;
  if (refusals.error) {
    return (
      <Text size="sm" c="dimmed">
        unknown
      </Text>
    );
  }
  if (!last) {
    return (
      <Text size="sm" c="dimmed">
        none
      </Text>
    );
  }
  return (
    <Stack gap={0} miw={180}>
      <Time at={last.at} />
      <Text size="xs" c="dimmed" className="mono">
        {last.reason ?? last.step}
      </Text>
    </Stack>
  );
}

function NewTrust({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { credential } = useSession();
  const refresh = useRefresh();
  const [, navigate] = useLocation();
  const [made, setMade] = useState<Trust>();
  const save = async (body: unknown) => {
    const trust = await platform<Trust>(credential, TRUSTS, { method: 'POST', body });
    await refresh(TRUSTS, '/ng/api/settings');
    tell(`Trust ${trust.jwtTrust.identifier} was made.`);
    return trust;
  };
  const show = (trust: Trust) => {
    if (trust.warnings.length === 0) navigate(trustPage(trust.jwtTrust.identifier));
    else setMade(trust);
  };
  return (
    <>
      <TrustForm opened={opened} onClose={onClose} save={save} onDone={show} />
      <Modal opened={made !== undefined} onClose={() => setMade(undefined)} title={`Trust ${made?.jwtTrust.identifier ?? ''} is stored`} size="lg">
        {made && (
          <Stack>
            <Warnings warnings={made.warnings} />
            <Group justify="flex-end">
              <Button variant="default" onClick={() => setMade(undefined)}>
                Close
              </Button>
              <Button component={Link} href={trustPage(made.jwtTrust.identifier)}>
                Open the trust
              </Button>
            </Group>
          </Stack>
        )}
      </Modal>
    </>
  );
}
