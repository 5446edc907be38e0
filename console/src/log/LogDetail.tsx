import { Anchor, Center, Loader, SimpleGrid, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'wouter';

import { isGone } from '../api';
import { usePlatform } from '../ui/calls';
import { Failure } from '../ui/Failure';
import { Listing } from '../ui/Listing';
import { LogBodies, type Message } from './LogBodies';
import { damaged, duration, type Entry, Outcome, shortPath } from './logEntry';
import { LogOperations, operationsOf } from './LogOperations';
import { LogReplay } from './LogReplay';
import { LogVerdict } from './LogVerdict';
import { PageFrame } from '../ui/PageFrame';
import { ResourceLink } from './ResourceLink';
import { Section } from '../ui/Section';
import { Facts, Id, Time } from '../ui/words';

interface WholeEntry extends Entry {
  request: Message;
  response: Message;
}

const BACK = (
  <Anchor component={Link} href="/log" size="sm">
    Provisioning log
  </Anchor>
);

export function LogDetail({ params }: { params: { id: string } }) {
  const { data, error } = usePlatform<WholeEntry>(`/ng/api/provisioning-log/${encodeURIComponent(params.id)}`);
  if (data && !isGone(error)) return <Whole entry={data} />;
  return (
    <PageFrame title="A request" about={BACK}>
      {error ? (
        <Failure error={error} title="The entry could not be loaded" />
      ) : (
        <Center p="xl">
          <Loader aria-label="Loading the entry" />
        </Center>
      )}
    </PageFrame>
  );
}

function Whole({ entry }: { entry: WholeEntry }) {
  const operations = operationsOf(entry.request, entry.response);
  const said = (entry.response.body as { detail?: unknown } | null | undefined)?.detail;
  const detail = typeof said === 'string' && said !== '[redacted]' ? said.replace(/ \(request [0-9a-f-]+\)$/, '') : undefined;
  return (
    <PageFrame title={damaged(entry) ? 'Damaged entries' : `${entry.method} ${shortPath(entry.path)}`} about={BACK}>
      <LogVerdict entry={entry} detail={detail} operations={operations.length || undefined} />
      {!damaged(entry) && (
        <>
          <LogOperations operations={operations} />
          <SimpleGrid cols={{ base: 1, md: 2 }}>
            <Section title="Exchange">
              <Facts facts={exchange(entry)} />
            </Section>
            <Section title="Sender">
              <Facts facts={sender(entry)} />
            </Section>
          </SimpleGrid>
          <Mended entry={entry} />
          <LogBodies request={entry.request} response={entry.response} />
          <LogReplay key={entry.id} entry={entry} />
        </>
      )}
    </PageFrame>
  );
}

type Fact = [string, ReactNode];

function exchange(entry: Entry): Fact[] {
  const words: [string, string | null][] = [
    ['scimType', entry.scimType],
    ['code', entry.code],
    ['reason', entry.reason],
  ];
  return [
    ['Time', <Time key="time" at={entry.timestamp} />],
    ['Answer', <Outcome key="answer" entry={entry} />],
    ...words.flatMap(([name, word]): Fact[] => (word ? [[name, <span key={name} className="mono">{word}</span>]] : [])),
    ['Path', <span key="path" className="mono">{entry.path}</span>],
    ...(entry.query ? [['Query', <span key="query" className="mono">{entry.query}</span>] as Fact] : []),
    ['Took', duration(entry.durationMicros)],
    ['Request id', <Id key="id">{entry.requestId}</Id>],
    ...(entry.resourceId ? [['Resource', <ResourceLink key="resource" id={entry.resourceId} path={entry.path} />] as Fact] : []),
  ];
}

function sender({ client, principal, credential }: Entry): Fact[] {
  const verified = credential?.['verified'] !== false;
  return [
    ['Client', client?.name ?? 'unknown'],
    ...(client?.userAgent ? [['User agent', <span key="agent" className="mono">{client.userAgent}</span>] as Fact] : []),
    ['Principal', principal ? `${principal.name ?? principal.identifier}${principal.label ? ` (${principal.label})` : ''}` : 'nobody was let in'],
    ...(principal ? [['Kind', principal.type] as Fact, ['Principal id', <Id key="principal">{principal.identifier}</Id>] as Fact] : []),
    ...(verified ? [] : [['Credential', 'refused; what it says of itself is not verified'] as Fact]),
    ...Object.entries(credential ?? {}).flatMap(([name, value]): Fact[] =>
      name === 'verified' || value === null ? [] : [[`credential.${name}`, <span key={name} className="mono">{typeof value === 'string' ? value : JSON.stringify(value)}</span>]],
    ),
  ];
}

function Mended({ entry: { quirks, unknownMembers } }: { entry: Entry }) {
  if (quirks.length === 0 && unknownMembers.length === 0) return null;
  return (
    <SimpleGrid cols={{ base: 1, md: quirks.length > 0 && unknownMembers.length > 0 ? 2 : 1 }}>
      {quirks.length > 0 && (
        <Section title="Mended on the way" about="Habits of the client that the account's dialect takes. “strict” would refuse them.">
          <Listing
            label="Mended on the way"
            columns={[
              { title: 'What', cell: ({ quirk }) => <span className="mono">{quirk.name}</span> },
              { title: 'Where', cell: ({ quirk }) => <span className="mono">{quirk.at ?? '–'}</span> },
            ]}
            items={quirks.map((quirk, place) => ({ quirk, place }))}
            keyOf={({ place }) => String(place)}
            empty=""
          />
        </Section>
      )}
      {unknownMembers.length > 0 && (
        <Section title="Members that do not exist" about="No user or group of the account has these ids; they were left out.">
          <Text size="sm" component="ul" m={0} pl="lg">
            {unknownMembers.map((id) => (
              <li key={id}>
                <Id>{id}</Id>
              </li>
            ))}
          </Text>
        </Section>
      )}
    </SimpleGrid>
  );
}
