import { Alert, List } from '@mantine/core';

import type { Warning } from './trust';

/** What is stored all the same, and what one should know. */
export function Warnings({ warnings }: { warnings: Warning[] }) {
  if (warnings.length === 0) return null;
  return (
    <Alert color="yellow" variant="light" title={warnings.length === 1 ? 'A warning' : `${warnings.length} warnings`}>
      <List size="sm" spacing={4}>
        {warnings.map(({ code, field, message }) => (
          <List.Item key={code + (field ?? '') + message}>
            {message}{' '}
            <span className="mono" style={{ fontSize: 'var(--mantine-font-size-xs)' }}>
              ({code}
              {field ? `, ${field}` : ''})
            </span>
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}
