import { Anchor, List } from '@mantine/core';
import { Link } from 'wouter';

import { Section } from '../ui/Section';

/** The way of a new account to the first user that an identity provider sends. */
export function NextSteps({ credential, provisioned }: { credential: boolean; provisioned: boolean }) {
  const to = (path: string, text: string) => (
    <Anchor component={Link} href={path} size="sm" underline="always">
      {text}
    </Anchor>
  );
  return (
    <Section title="What to do next" about="To let an identity provider keep the users and groups of this account:">
      <List type="ordered" size="sm" spacing={6}>
        <List.Item>
          {credential ? 'Done: there is a credential. ' : 'Give the identity provider a credential: '}
          a {to('/service-accounts', 'service account')} with a token for SCIM, or a {to('/trusts', 'JWT trust')} where it signs its
          own tokens.
        </List.Item>
        <List.Item>
          Give that service account the role <code>_scim_provisioner</code> by a {to('/assignments', 'role assignment')}.
        </List.Item>
        <List.Item>Enter the SCIM base URL above and the token at the identity provider, and let it test the connection.</List.Item>
        <List.Item>
          {provisioned ? 'Done: there are users. ' : 'Let it send the first user. '}
          The {to('/log', 'provisioning log')} has every request, and says what to change where one fails.
        </List.Item>
      </List>
    </Section>
  );
}
