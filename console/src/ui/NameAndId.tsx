import { Box, Text } from '@mantine/core';

/** What something is called, over the identifier that the API knows it by. */
export function NameAndId({ name, id }: { name: string; id: string }) {
  return (
    <Box miw={150} component="span" display="block">
      <Text size="sm" component="span" display="block">
        {name}
      </Text>
      <Text size="xs" component="span" display="block" c="dimmed" className="mono" fz="xs">
        {id}
      </Text>
    </Box>
  );
}
