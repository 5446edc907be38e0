import { Checkbox, Fieldset, Group, MultiSelect, NumberInput, Select, SegmentedControl, SimpleGrid, Stack, Switch, TagsInput, Textarea, TextInput } from '@mantine/core';

import { ServiceAccountField } from './ServiceAccountField';
import { ALGORITHMS, type KeySource, type TrustDraft } from './trustDraft';
import { TrustRules } from './TrustRules';

const SOURCES: { value: KeySource; label: string }[] = [
  { value: 'url', label: 'JWKS URL' },
  { value: 'discovery', label: 'Discovery' },
  { value: 'keys', label: 'Stored keys' },
];
const POLICIES = [
  { value: '', label: 'By itself: required where there are any' },
  { value: 'required', label: 'required' },
  { value: 'ifPresent', label: 'ifPresent' },
  { value: 'off', label: 'off' },
];

interface Props {
  draft: TrustDraft;
  onChange: (draft: TrustDraft) => void;
  /** The identifier of one that is there cannot be changed. */
  fixed: boolean;
}

/** The usual members of a trust. */
export function TrustFields({ draft, onChange, fixed }: Props) {
  const put = (change: Partial<TrustDraft>) => onChange({ ...draft, ...change });
  return (
    <Stack>
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <TextInput label="Name" value={draft.name} onChange={(event) => put({ name: event.currentTarget.value })} />
        <TextInput
          label="Identifier"
          description={fixed ? undefined : 'Made from the name without it; never changes.'}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          value={draft.identifier}
          onChange={(event) => put({ identifier: event.currentTarget.value })}
          disabled={fixed}
          spellCheck={false}
        />
        <ServiceAccountField label="Acts as service account" value={draft.serviceAccount} onChange={(serviceAccount) => put({ serviceAccount })} />
        <TextInput
          label="Issuer"
          description="Compared byte for byte with iss."
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          placeholder={draft.source === 'discovery' ? 'That of the discovery' : 'Any'}
          value={draft.issuer}
          onChange={(event) => put({ issuer: event.currentTarget.value })}
          spellCheck={false}
        />
      </SimpleGrid>
      <Keys draft={draft} put={put} />
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <TagsInput
          label="Audiences"
          description="Compared byte for byte with aud; each ended by Enter."
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          value={draft.audiences}
          onChange={(audiences) => put({ audiences })}
          acceptValueOnBlur
          splitChars={[]}
        />
        <Select label="Audience policy" data={POLICIES} value={draft.audiencePolicy} onChange={(policy) => put({ audiencePolicy: policy ?? '' })} allowDeselect={false} />
      </SimpleGrid>
      <TrustRules rules={draft.rules} onChange={(rules) => put({ rules })} />
      <MultiSelect
        label="Algorithms"
        placeholder={draft.algorithms.length === 0 ? 'All ten' : ''}
        data={ALGORITHMS}
        value={draft.algorithms}
        onChange={(algorithms) => put({ algorithms })}
      />
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <NumberInput
          label="Leeway in seconds"
          placeholder="30"
          description="0 to 300: how far clocks may differ."
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          allowDecimal={false}
          value={draft.leewaySeconds}
          onChange={(leewaySeconds) => put({ leewaySeconds })}
        />
        <NumberInput
          label="Longest lifetime in seconds"
          placeholder="86400"
          description="From iat (or nbf) to exp."
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          allowDecimal={false}
          value={draft.maxLifetimeSeconds}
          onChange={(maxLifetimeSeconds) => put({ maxLifetimeSeconds })}
        />
      </SimpleGrid>
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <Checkbox.Group label="Surfaces" description="Where its tokens are taken." value={draft.surfaces} onChange={(surfaces) => put({ surfaces })}>
          <Group mt="xs">
            <Checkbox value="scim" label="scim" />
            <Checkbox value="platform" label="platform" />
          </Group>
        </Checkbox.Group>
        <Stack gap="xs">
          <Switch label="Enabled" checked={draft.enabled} onChange={(event) => put({ enabled: event.currentTarget.checked })} />
          <Switch label="Replay protection: each token is taken once" checked={draft.replay} onChange={(event) => put({ replay: event.currentTarget.checked })} />
          <Switch label="A jti is required" checked={draft.requireJti} onChange={(event) => put({ requireJti: event.currentTarget.checked })} />
        </Stack>
      </SimpleGrid>
    </Stack>
  );
}

function Keys({ draft, put }: { draft: TrustDraft; put: (change: Partial<TrustDraft>) => void }) {
  return (
    <Fieldset legend="Where the keys come from">
      <Stack gap="xs">
        <SegmentedControl
          size="xs"
          aria-label="Where the keys come from"
          data={SOURCES}
          value={draft.source}
          onChange={(source) => put({ source })}
        />
        {draft.source === 'url' && (
          <TextInput label="JWKS URL" value={draft.url} onChange={(event) => put({ url: event.currentTarget.value })} placeholder="https://issuer.example.com/jwks" spellCheck={false} />
        )}
        {draft.source === 'discovery' && (
          <TextInput
            label="Issuer to discover"
            description="Its /.well-known/openid-configuration names the keys."
            inputWrapperOrder={['label', 'input', 'description', 'error']}
            value={draft.discovery}
            onChange={(event) => put({ discovery: event.currentTarget.value })}
            placeholder="https://issuer.example.com"
            spellCheck={false}
          />
        )}
        {draft.source === 'keys' && (
          <Textarea
            label="Public keys"
            description="A JSON list of JWKs, or a whole JWKS. They do not rotate by themselves."
            inputWrapperOrder={['label', 'input', 'description', 'error']}
            value={draft.keys}
            onChange={(event) => put({ keys: event.currentTarget.value })}
            placeholder='[{"kty": "OKP", "crv": "Ed25519", "kid": "…", "x": "…"}]'
            autosize
            minRows={4}
            maxRows={14}
            spellCheck={false}
            classNames={{ input: 'mono' }}
          />
        )}
      </Stack>
    </Fieldset>
  );
}
