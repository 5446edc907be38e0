import { Badge, Group, SimpleGrid, Stack, Text } from '@mantine/core';

import { MarkedJson } from './MarkedJson';
import { Section } from '../ui/Section';
import { Facts } from '../ui/words';

export interface Message {
  bytes: number;
  truncated: boolean;
  note?: string | null;
  redacted?: string[] | null;
  headers?: Record<string, string> | null;
  body?: unknown;
}

/** Request and answer side by side, as far as they were kept. */
export function LogBodies({ request, response }: { request: Message; response: Message }) {
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }}>
      <One title="Request" message={request} />
      <One title="Response" message={response} />
    </SimpleGrid>
  );
}

function One({ title, message }: { title: string; message: Message }) {
  const { bytes, truncated, note, redacted, headers, body } = message;
  const kept = body !== undefined && body !== null;
  return (
    <Section title={title} about={`${bytes.toLocaleString('en')} bytes`}>
      {truncated && <Text size="sm">Not kept whole{note ? `: ${note}` : ''}.</Text>}
      {redacted && redacted.length > 0 && (
        <Stack gap={4}>
          <Text size="sm">Blacked out, and never stored:</Text>
          <Group gap={4}>
            {redacted.map((place) => (
              <Badge key={place} variant="default" tt="none" className="mono">
                {place}
              </Badge>
            ))}
          </Group>
        </Stack>
      )}
      {kept ? (
        <MarkedJson value={body} label={`${title} body`} />
      ) : (
        <Text size="sm" c="dimmed">
          {bytes === 0 ? 'No body.' : 'The body was not kept.'}
        </Text>
      )}
      {headers && Object.keys(headers).length > 0 && (
        <details>
          <Text component="summary" size="sm" style={{ cursor: 'pointer' }}>
            Headers
          </Text>
          <Facts facts={Object.entries(headers).map(([name, value]) => [name, <span key={name} className="mono">{value}</span>])} />
        </details>
      )}
    </Section>
  );
}
