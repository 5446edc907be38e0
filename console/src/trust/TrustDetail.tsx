import { Anchor, Button, Center, Group, Loader, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { Link, useLocation } from 'wouter';

import { platform, platformTagged } from '../api';
import { useSession } from '../session';
import { accountPath } from '../tokens/serviceAccounts';
import { tell, useRefresh } from '../ui/calls';
import { Confirm } from '../ui/Confirm';
import { OneExplanation } from './Explanation';
import { ExplainToken } from './ExplainToken';
import { Failure } from '../ui/Failure';
import { idOf } from '../ui/idOf';
import { PageFrame } from '../ui/PageFrame';
import { Section } from '../ui/Section';
import { TokenInside } from './TokenInside';
import { stretch, type Trust, type TrustBody, trustPath, TRUSTS, useTrust, type Warning } from './trust';
import { ALGORITHMS } from './trustDraft';
import { TrustForm } from './TrustForm';
import { TrustKeys } from './TrustKeys';
import { TrustRefusals } from './TrustRefusals';
import { Warnings } from './Warnings';
import { useEditing } from '../ui/useEditing';
import { Facts, Id, Tags, Time, YesNo } from '../ui/words';

/** A trust: what it takes, the keys that it has, what it refused, and why. */
export function TrustDetail({ params }: { params: { id: string } }) {
  const id = idOf(params);
  const trust = useTrust(id);
  if (!trust.data) {
    return (
      <PageFrame title={`Trust ${id}`}>
        <Failure error={trust.error} title="The trust could not be loaded" />
        {trust.isPending && (
          <Center p="xl">
            <Loader aria-label="Loading the trust" />
          </Center>
        )}
        {trust.error && <Back />}
      </PageFrame>
    );
  }
  return <Shown trust={trust.data.resource} etag={trust.data.etag} />;
}

function Back() {
  return (
    <Anchor component={Link} href="/trusts" size="sm">
      To all JWT trusts
    </Anchor>
  );
}

function Shown({ trust, etag }: { trust: Trust; etag: string | undefined }) {
  const { can, setScope } = useSession();
  // What only a change finds out, such as keys that cannot be fetched.
  const [told, setTold] = useState<Warning[]>([]);
  const { jwtTrust } = trust;
  const warnings = [...trust.warnings, ...told.filter((one) => !trust.warnings.some((known) => known.code === one.code && known.field === one.field))];
  return (
    <PageFrame
      title={jwtTrust.name}
      about={<Id>{jwtTrust.identifier}</Id>}
      actions={can('core_setting_edit') && <Actions trust={trust} etag={etag} onWarnings={setTold} />}
    >
      <Warnings warnings={warnings} />
      <Section title="What it takes" actions={<Back />}>
        <Facts facts={factsOf(trust, () => setScope({}))} />
      </Section>
      <TrustKeys identifier={jwtTrust.identifier} />
      <TrustRefusals identifier={jwtTrust.identifier} />
      <Section title="Explain a token at this trust">
        <ExplainToken trust={jwtTrust.identifier}>
          {({ explanations, inside }) => (
            <>
              {explanations.map((explanation) => (
                <OneExplanation key={explanation.trust ?? explanation.kind} explanation={explanation} />
              ))}
              {inside && <TokenInside inside={inside} />}
            </>
          )}
        </ExplainToken>
      </Section>
    </PageFrame>
  );
}

/** A trust, its service account and its settings are of the account, whatever scope is chosen. */
function factsOf({ jwtTrust, createdAt, lastModifiedAt, isDefault }: Trust, toAccount: () => void): [string, ReactNode][] {
  const { issuer, jwks, audiences = [], algorithms = [], types = [], rules = [], surfaces = [] } = jwtTrust;
  const all = ALGORITHMS.every((one) => algorithms.includes(one));
  const facts: [string, ReactNode][] = [
    [
      'State',
      <Group key="state" gap="xs">
        <YesNo yes={jwtTrust.enabled === true} on="enabled" off="disabled" />
        {isDefault && (
          <Text span size="sm">
            made by the <Anchor component={Link} href="/settings" onClick={toAccount} size="sm">four settings</Anchor>, which are kept in step with it
          </Text>
        )}
      </Group>,
    ],
    ['Acts as', <Anchor component={Link} href={accountPath(jwtTrust.serviceAccount)} onClick={toAccount} size="sm" className="mono">{jwtTrust.serviceAccount}</Anchor>],
    ['Issuer', issuer ?? jwks.discovery ?? 'any'],
    ['Keys', jwks.url ?? (jwks.discovery !== undefined ? `discovered at ${jwks.discovery}` : `${jwks.keys?.length ?? 0} stored here`)],
    ['Audiences', audiences.length > 0 ? <><Tags words={audiences} /> {jwtTrust.audiencePolicy}</> : 'any'],
    ['Rules', <Rules rules={rules} />],
    ['Surfaces', <Tags words={surfaces} />],
    ['Algorithms', all ? 'all ten' : algorithms.join(', ')],
    ['Types', types.length > 0 ? types.join(', ') : 'JWT, at+jwt'],
    ['Leeway', stretch(jwtTrust.leewaySeconds ?? 0)],
    ['Longest lifetime', stretch(jwtTrust.maxLifetimeSeconds ?? 0)],
    ['Replay protection', jwtTrust.replay === 'on' ? 'on: each token is taken once' : jwtTrust.requireJti ? 'off; a jti is required' : 'off'],
  ];
  if (jwtTrust.caPem) facts.push(['Certificate authorities', 'its own (caPem)']);
  facts.push(['Created', <Time at={createdAt} />], ['Last modified', <Time at={lastModifiedAt} />]);
  return facts;
}

function Rules({ rules }: { rules: NonNullable<TrustBody['rules']> }) {
  if (rules.length === 0) return <Text size="sm">none</Text>;
  return rules.map((rule, index) => (
    <Text key={index} size="sm" className="mono">
      {rule.claim} <b>{rule.op}</b> {JSON.stringify(rule.value)}
    </Text>
  ));
}

interface ActionsProps {
  trust: Trust;
  etag: string | undefined;
  onWarnings: (warnings: Warning[]) => void;
}

function Actions({ trust: { jwtTrust, isDefault }, etag, onWarnings }: ActionsProps) {
  const { credential } = useSession();
  const client = useQueryClient();
  const refresh = useRefresh();
  const [, navigate] = useLocation();
  // With the version that is shown when it is opened: one that comes meanwhile is not what was looked at.
  const [doing, setDoing] = useState<{ what: 'disable' | 'delete'; etag: string | undefined }>();
  const editing = useEditing<Trust>();
  const open = doing?.what;
  const setOpen = (what: 'disable' | 'delete') => setDoing({ what, etag });
  const { identifier } = jwtTrust;
  const matching = (version: string | undefined): Record<string, string> => (version ? { 'if-match': version } : {});
  const close = () => setDoing(undefined);
  const reload = async () => {
    const { etag: newest } = await platformTagged<Trust>(credential, trustPath(identifier));
    setDoing((was) => was && { ...was, etag: newest });
  };
  // What was refused may be since another version is there: the page shows it, for the next try.
  const change = async <T,>(path: string, call: { method: 'POST' | 'PUT' | 'DELETE'; body?: unknown; headers: Record<string, string> }) => {
    try {
      return await platform<T>(credential, trustPath(identifier, path), call);
    } catch (error) {
      void refresh(trustPath(identifier));
      throw error;
    }
  };
  const changed = (what: string) => {
    tell(`Trust ${identifier} ${what}.`);
    return refresh(TRUSTS, '/ng/api/settings');
  };
  const switchTo = async (way: 'enable' | 'disable', version: string | undefined) => {
    await change(`/${way}`, { method: 'POST', headers: matching(version) });
    await changed(`is ${way}d`);
  };
  const enabling = useMutation({ mutationFn: () => switchTo('enable', etag) });
  const save = async (body: unknown) => {
    const { warnings } = await change<Trust>('', { method: 'PUT', body, headers: editing.headers });
    onWarnings(warnings);
    await changed('was changed');
  };
  const remove = async () => {
    await change('', { method: 'DELETE', headers: matching(doing?.etag) });
    tell(`Trust ${identifier} was deleted.`);
    // The list alone: what is asked of this one would not be found.
    await client.invalidateQueries({ predicate: ({ queryKey: [path] }) => path === TRUSTS || path === '/ng/api/settings' });
  };
  return (
    <>
      {jwtTrust.enabled ? (
        <Button variant="default" onClick={() => setOpen('disable')}>
          Disable
        </Button>
      ) : (
        <Button variant="default" loading={enabling.isPending} onClick={() => enabling.mutate()}>
          Enable
        </Button>
      )}
      <Button onClick={() => editing.edit({ path: trustPath(identifier) })}>Edit</Button>
      <Button color="red" variant="outline" onClick={() => setOpen('delete')}>
        Delete
      </Button>
      <Failure error={enabling.error} />
      <Failure error={editing.error} title="The trust could not be loaded" />
      <TrustForm
        opened={editing.opened}
        onClose={editing.close}
        trust={editing.edited?.jwtTrust}
        save={save}
        reload={async () => (await editing.reload())?.jwtTrust}
      />
      <Confirm
        opened={open === 'disable'}
        onClose={close}
        title={`Disable trust ${identifier}?`}
        action="Disable"
        run={() => switchTo('disable', doing?.etag)}
        reload={reload}
      >
        Its tokens are refused from the next request on, and access tokens that were issued for them end for good.
      </Confirm>
      <Confirm
        opened={open === 'delete'}
        onClose={close}
        title={`Delete trust ${identifier}?`}
        action="Delete"
        run={remove}
        reload={reload}
        onDone={() => navigate('/trusts')}
      >
        Its tokens are refused from the next request on, and what it refused so far is forgotten.
        {isDefault && ' The four settings that make it are unset.'}
      </Confirm>
    </>
  );
}
