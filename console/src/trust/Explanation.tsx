import { Alert, Badge, Stack, Text } from '@mantine/core';

import { type Explanation, type Step, type Verdict, verdictOf } from './verdict';
import { type Column, Listing } from '../ui/Listing';

const OUTCOMES = {
  pass: { icon: '✓', color: 'green', variant: 'default' },
  fail: { icon: '✕', color: 'red.9', variant: 'filled' },
  skip: { icon: '–', color: 'gray.8', variant: 'default' },
} as const;

const VERDICTS = {
  taken: { color: 'green', title: '✓ Taken' },
  almost: { color: 'yellow', title: '! Not yet' },
  refused: { color: 'red', title: '✕ Refused' },
} as const;

/** The answer before its reasons. */
export function VerdictBox({ verdict, hint, code }: { verdict: Verdict; hint?: string | null | undefined; code?: string | null | undefined }) {
  const { color, title } = VERDICTS[verdict.state];
  return (
    <Alert color={color} variant="light" role="status" title={title} style={{ overflowWrap: 'anywhere' }}>
      <Text fw={500}>{verdict.sentence}</Text>
      {hint && (
        <Text size="sm" mt={4}>
          {hint}
        </Text>
      )}
      {code && (
        <Text size="sm" mt={4}>
          The caller hears <span className="mono">{code}</span>.
        </Text>
      )}
    </Alert>
  );
}

export function Outcome({ outcome }: { outcome: Step['outcome'] }) {
  const { icon, color, variant } = OUTCOMES[outcome];
  return (
    <Badge color={color} variant={variant} tt="none" miw={70} leftSection={<span aria-hidden>{icon}</span>}>
      {outcome}
    </Badge>
  );
}

const COLUMNS: Column<Step>[] = [
  {
    title: 'Step',
    width: 170,
    cell: ({ number, step, outcome }) => (
      <Text size="sm" className="mono" style={{ whiteSpace: 'nowrap' }} {...(outcome === 'skip' && { c: 'dimmed' })} {...(outcome === 'fail' && { fw: 700 })}>
        {number} {step}
      </Text>
    ),
  },
  { title: 'Outcome', width: 90, cell: ({ outcome }) => <Outcome outcome={outcome} /> },
  { title: 'Expected', width: '32%', cell: ({ expected }) => <Said>{expected}</Said> },
  {
    title: 'Received',
    cell: ({ received, reason, hint, outcome }) => (
      <Stack gap={2}>
        <Said>{received}</Said>
        {reason && (
          <Text size="xs" className="mono" fw={600}>
            {reason}
          </Text>
        )}
        {hint && (
          <Text size="sm" {...(outcome === 'skip' && { c: 'dimmed' })}>
            {hint}
          </Text>
        )}
      </Stack>
    ),
  },
];

function Said({ children }: { children: string | null | undefined }) {
  return (
    <Text size="sm" style={{ overflowWrap: 'anywhere', minWidth: 140 }}>
      {children}
    </Text>
  );
}

/** Each step with what it asked for and what came. */
export function Steps({ explanation }: { explanation: Explanation }) {
  const { trust, kind, steps } = explanation;
  return (
    <Listing
      label={trust ? `Steps at ${trust}` : `Steps of this ${kind}`}
      columns={COLUMNS}
      items={steps}
      keyOf={(step) => String(step.number)}
      empty="No step was looked at."
    />
  );
}

export function OneExplanation({ explanation }: { explanation: Explanation }) {
  return (
    <Stack>
      <VerdictBox verdict={verdictOf(explanation)} hint={explanation.hint} code={explanation.code} />
      <Steps explanation={explanation} />
    </Stack>
  );
}
