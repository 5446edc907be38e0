import { Accordion, Anchor, Badge, Group, Stack, Text } from '@mantine/core';
import { Link } from 'wouter';

import { useSession } from '../session';
import { byNearness, type Explanation, verdictOfAll, verdictOf } from './verdict';
import { OneExplanation, VerdictBox, Steps } from './Explanation';
import { type Explained, ExplainToken } from './ExplainToken';
import { PageFrame } from '../ui/PageFrame';
import { Section } from '../ui/Section';
import { TokenInside } from './TokenInside';
import { trustPage } from './trust';

/** Why a token is taken or refused. */
export function Explain() {
  const { can } = useSession();
  return (
    <PageFrame
      title="Explain a token"
      about="Why a token is taken or refused: every check in its order, at every JWT trust, or of a token of this server."
    >
      {can('core_setting_view') ? (
        <ExplainToken>{(explained) => <Result explained={explained} />}</ExplainToken>
      ) : (
        <Text c="dimmed">To explain tokens you need the permission core_setting_view on the account.</Text>
      )}
    </PageFrame>
  );
}

function Result({ explained: { explanations, inside } }: { explained: Explained }) {
  const [nearest, ...others] = byNearness(explanations);
  return (
    <Stack>
      <VerdictBox verdict={verdictOfAll(explanations)} hint={nearest?.hint ?? nearestHint(nearest)} code={nearest?.code} />
      {nearest && others.length === 0 && (
        <Section title={nearest.trust ? `Steps at ${nearest.trust}` : 'Steps'} actions={nearest.trust && <ToTrust trust={nearest.trust} />}>
          <Steps explanation={nearest} />
        </Section>
      )}
      {nearest && others.length > 0 && <AtEach explanations={[nearest, ...others]} />}
      {inside && (
        <Section title="What the token says" about="Read on this page, verified by nobody: only the steps say what holds.">
          <TokenInside inside={inside} />
        </Section>
      )}
    </Stack>
  );
}

/** What to do about the first step that fails. */
function nearestHint(explanation: Explanation | undefined): string | undefined {
  return explanation?.steps.find((step) => step.outcome === 'fail')?.hint ?? undefined;
}

function ToTrust({ trust }: { trust: string }) {
  return (
    <Anchor component={Link} href={trustPage(trust)} size="sm">
      Open the trust {trust}
    </Anchor>
  );
}

const STATES = { taken: '✓ taken', almost: '! not yet', refused: '✕ refused' };

/** At each trust, what came nearest first and open. */
function AtEach({ explanations }: { explanations: Explanation[] }) {
  const keyOf = (explanation: Explanation) => explanation.trust ?? explanation.kind;
  return (
    <Section title={`At each of the ${explanations.length} trusts`} about="What came nearest stands first.">
      <Accordion multiple order={3} variant="separated" defaultValue={explanations.slice(0, 1).map(keyOf)}>
        {explanations.map((explanation, index) => {
          const failed = explanation.steps.find((step) => step.outcome === 'fail');
          return (
            <Accordion.Item key={keyOf(explanation)} value={keyOf(explanation)}>
              <Accordion.Control>
                <Group gap="xs">
                  <Text fw={600}>{keyOf(explanation)}</Text>
                  <Badge variant="default" tt="none">
                    {STATES[verdictOf(explanation).state]}
                  </Badge>
                  {explanation.enabled === false && (
                    <Badge variant="default" tt="none">
                      disabled
                    </Badge>
                  )}
                  {failed && (
                    <Text size="sm" c="dimmed">
                      step {failed.number}, {failed.step}
                    </Text>
                  )}
                </Group>
              </Accordion.Control>
              <Accordion.Panel>
                <Stack>
                  {explanation.trust && <ToTrust trust={explanation.trust} />}
                  {/* What is said of the nearest stands above. */}
                  {index === 0 ? <Steps explanation={explanation} /> : <OneExplanation explanation={explanation} />}
                </Stack>
              </Accordion.Panel>
            </Accordion.Item>
          );
        })}
      </Accordion>
    </Section>
  );
}
