import { Badge } from '@mantine/core';

import { stateOf, type Webhook } from './webhooks';
import { GREEN, ORANGE } from '../ui/words';

const COLORS = { disabled: 'gray.8', failing: ORANGE, delivering: 'cyan.9', 'caught up': GREEN };

export function StateBadge({ webhook }: { webhook: Webhook }) {
  const state = stateOf(webhook);
  return (
    <Badge color={COLORS[state]} variant="filled">
      {state}
    </Badge>
  );
}
