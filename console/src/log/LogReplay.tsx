import { Button, Group, Stack, Table, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';

import { platform } from '../api';
import { useSession } from '../session';
import { Failure } from '../ui/Failure';
import type { Entry } from './logEntry';
import { MarkedJson } from './MarkedJson';
import { Section } from '../ui/Section';
import { Status, Tags } from '../ui/words';

const SHORT = 160;

interface Replayed {
  status: number;
  body?: unknown;
  differs: { at: string; logged?: unknown; now?: unknown }[];
  leftOut: string[];
}

/** Sends the logged request again as a dry run: would it be answered otherwise today? */
export function LogReplay({ entry }: { entry: Entry }) {
  const { credential } = useSession();
  const replaying = useMutation({
    mutationFn: () =>
      platform<Replayed>(credential, `/ng/api/provisioning-log/${encodeURIComponent(entry.id)}/replay`, { method: 'POST' }),
  });
  return (
    <Section
      title="Replay"
      about="Sends the request again as a dry run, with your rights: it changes nothing, and shows what is answered now."
      actions={
        <Button variant="default" loading={replaying.isPending} onClick={() => replaying.mutate()}>
          Replay as dry run
        </Button>
      }
    >
      <Failure error={replaying.error} title="This request cannot be replayed" />
      {replaying.data && <Result logged={entry.status} replayed={replaying.data} />}
    </Section>
  );
}

function Result({ logged, replayed: { status, body, differs, leftOut } }: { logged: number; replayed: Replayed }) {
  return (
    <Stack gap="sm" role="status">
      <Group gap="xs">
        <Text size="sm">Answered then:</Text>
        <Status status={logged} />
        <Text size="sm">now:</Text>
        <Status status={status} />
        <Text size="sm" fw={600}>
          {differs.length === 0 && status === logged ? 'The answer is the same.' : `${differs.length} ${differs.length === 1 ? 'place differs' : 'places differ'}.`}
        </Text>
      </Group>
      {differs.length > 0 && (
        <Table.ScrollContainer minWidth={500}>
          <Table aria-label="Differences" verticalSpacing={4} layout="fixed">
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">Place</Table.Th>
                <Table.Th scope="col">Then</Table.Th>
                <Table.Th scope="col">Now</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {differs.map((one) => (
                <Table.Tr key={one.at} style={{ verticalAlign: 'top' }}>
                  <Table.Td className="mono">{one.at}</Table.Td>
                  <Table.Td>
                    <Value value={one.logged} />
                  </Table.Td>
                  <Table.Td>
                    <Value value={one.now} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {leftOut.length > 0 && (
        <Group gap="xs">
          <Text size="sm">Left out, since it was blacked out in the log:</Text>
          <Tags words={leftOut} />
        </Group>
      )}
      {body !== undefined && body !== null && <MarkedJson value={body} label="Body of the replayed answer" />}
    </Stack>
  );
}

/** A long value, such as the resources of a list, is unfolded by who wants it. */
function Value({ value }: { value: unknown }) {
  if (value === undefined || value === null) return '–';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (text.length <= SHORT) return <span className="mono">{text}</span>;
  return (
    <details>
      <summary className="mono" style={{ cursor: 'pointer' }}>
        {text.slice(0, SHORT / 2)}…
      </summary>
      <pre className="mono" style={{ whiteSpace: 'pre-wrap', margin: 0 }}>
        {typeof value === 'string' ? value : JSON.stringify(value, null, 2)}
      </pre>
    </details>
  );
}
