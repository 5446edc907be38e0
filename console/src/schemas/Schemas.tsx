import { Tabs, Text, Title } from '@mantine/core';
import { Fragment } from 'react';

import { AttributeList } from './AttributeList';
import { Definitions } from './Definitions';
import { ExtensionForm } from './ExtensionForm';
import type { Column } from '../ui/Listing';
import { OwnTypeForm } from './OwnTypeForm';
import { PageFrame } from '../ui/PageFrame';
import { SchemaCatalog } from './SchemaCatalog';
import { type Extension, EXTENSIONS, OWN_TYPES, type OwnType } from './scimSchema';
import { Facts, Id, Tags, Time } from '../ui/words';

const OF_EXTENSIONS: Column<Extension>[] = [
  { title: 'URN', cell: ({ id }) => <div style={{ minWidth: 220 }}><Id>{id}</Id></div> },
  { title: 'Applies to', width: 100, cell: ({ appliesTo, required }) => (required ? `${appliesTo}, required` : appliesTo) },
  { title: 'Attributes', cell: ({ attributes }) => <Tags words={attributes.map(({ name }) => name)} /> },
];

const OF_TYPES: Column<OwnType>[] = [
  { title: 'Endpoint', cell: ({ endpoint }) => <span className="mono">{endpoint}</span> },
  { title: 'URN', cell: ({ schema }) => <div style={{ minWidth: 220 }}><Id>{schema.id}</Id></div> },
  { title: 'Attributes', cell: ({ schema }) => <Tags words={schema.attributes.map(({ name }) => name)} /> },
  { title: 'Extensions', width: 100, cell: ({ schemaExtensions }) => schemaExtensions?.length ?? 0 },
];

export function Schemas() {
  return (
    <PageFrame title="SCIM schemas" about="What this account adds to its users and groups, the resource types of its own, and all that clients see. Of the account, whatever the scope.">
      <Tabs defaultValue="extensions" keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="extensions">Extensions</Tabs.Tab>
          <Tabs.Tab value="types">Resource types</Tabs.Tab>
          <Tabs.Tab value="all">All schemas</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="extensions">
          <Definitions<Extension>
            path={EXTENSIONS}
            title="Extensions"
            about="More attributes of users or groups. They hold with the next request."
            one="an extension"
            empty="Users and groups have the attributes of RFC 7643 alone."
            keyOf={({ id }) => id}
            columns={OF_EXTENSIONS}
            view={(extension) => <ExtensionView extension={extension} />}
            form={(editing) => <ExtensionForm {...editing} />}
          />
        </Tabs.Panel>
        <Tabs.Panel value="types">
          <Definitions<OwnType>
            path={OWN_TYPES}
            title="Resource types"
            about="Resources of the account's own, such as devices or agents, below an endpoint of their own."
            one="a resource type"
            empty="There are users and groups alone."
            keyOf={({ name }) => name}
            columns={OF_TYPES}
            view={(type) => <TypeView type={type} />}
            form={(editing) => <OwnTypeForm {...editing} />}
          />
        </Tabs.Panel>
        <Tabs.Panel value="all">
          <SchemaCatalog />
        </Tabs.Panel>
      </Tabs>
    </PageFrame>
  );
}

function ExtensionView({ extension }: { extension: Extension }) {
  const { id, name, appliesTo, required, description, createdAt, lastModifiedAt, attributes } = extension;
  return (
    <>
      <Facts
        facts={[
          ['URN', <Id key="id">{id}</Id>],
          ['Applies to', required ? `${appliesTo}, required` : appliesTo],
          ['Description', description || '–'],
          ['Created', <Time key="created" at={createdAt} />],
          ['Last modified', <Time key="modified" at={lastModifiedAt} />],
        ]}
      />
      <AttributeList attributes={attributes} label={`Attributes of ${name}`} />
    </>
  );
}

function TypeView({ type }: { type: OwnType }) {
  const { name, endpoint, schema, description, schemaExtensions = [], createdAt, lastModifiedAt } = type;
  return (
    <>
      <Facts
        facts={[
          ['Endpoint', <span key="endpoint" className="mono">{endpoint}</span>],
          ['Schema', <Id key="id">{schema.id}</Id>],
          ['Description', description || '–'],
          ['Created', <Time key="created" at={createdAt} />],
          ['Last modified', <Time key="modified" at={lastModifiedAt} />],
        ]}
      />
      <AttributeList attributes={schema.attributes} label={`Attributes of ${name}`} />
      {schemaExtensions.map((extension) => (
        <Fragment key={extension.id}>
          <Title order={3} size="h5">
            {extension.name}
          </Title>
          <Text size="sm" component="div">
            <Id>{extension.id}</Id>
            {extension.required ? ' (required)' : ''}
          </Text>
          <AttributeList attributes={extension.attributes} label={`Attributes of ${extension.name}`} />
        </Fragment>
      ))}
    </>
  );
}
