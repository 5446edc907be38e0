import { Text } from '@mantine/core';

import { Time } from './words';

/** A moment in a dense table: on one line. */
export function Stamp({ at }: { at: number | string }) {
  return (
    <Text size="xs" component="div" style={{ whiteSpace: 'nowrap' }}>
      <Time at={at} />
    </Text>
  );
}
