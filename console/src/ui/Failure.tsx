import { Alert, List, Text } from '@mantine/core';

import { Refused } from '../api';

/** Why something did not work: the server's own words, its code, and the id under which its log has it. */
export function Failure({ error, title }: { error: unknown; title?: string }) {
  if (!error) return null;
  const message = error instanceof Error ? error.message : String(error);
  const refused = error instanceof Refused ? error : undefined;
  // Of one field the message says the same.
  const saidAlready = refused?.fields.length === 1 && refused.fields.every(({ fieldId, error: why }) => message === `${fieldId}: ${why}`);
  const about = [refused?.status ? `Status ${refused.status}` : '', refused?.code ?? '', refused?.requestId ? `request ${refused.requestId}` : ''];
  return (
    <Alert color="red" variant="light" role="alert" title={title ?? 'That did not work'}>
      <Text size="sm" style={{ whiteSpace: 'pre-wrap' }}>
        {message}
      </Text>
      {refused && refused.fields.length > 0 && !saidAlready && (
        <List size="sm" mt="xs">
          {refused.fields.map((field) => (
            <List.Item key={field.fieldId + field.error}>
              <b>{field.fieldId}</b>: {field.error}
            </List.Item>
          ))}
        </List>
      )}
      {refused && (
        <Text size="xs" c="dimmed" mt="xs" className="mono">
          {about.filter(Boolean).join(' · ')}
        </Text>
      )}
    </Alert>
  );
}
