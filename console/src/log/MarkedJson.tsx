import { Code, Mark } from '@mantine/core';

const BLACKED_OUT = '[redacted]';

/** A body of the log, with what was blacked out in it marked. */
export function MarkedJson({ value, label }: { value: unknown; label: string }) {
  const parts = (typeof value === 'string' ? value : JSON.stringify(value, null, 2)).split(BLACKED_OUT);
  return (
    <Code block className="mono" mah={520} style={{ overflow: 'auto', whiteSpace: 'pre-wrap', wordBreak: 'break-all' }} tabIndex={0} role="region" aria-label={label}>
      {parts.flatMap((part, index) => (index === 0 ? [part] : [<Mark key={index}>{BLACKED_OUT}</Mark>, part]))}
    </Code>
  );
}
