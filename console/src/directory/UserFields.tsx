import { Button, Fieldset, Group, Radio, SimpleGrid, TextInput } from '@mantine/core';
import { useId } from 'react';

import { type Email, ENTERPRISE, type Operation, type User, USER_SCHEMA } from './directory';

interface Field {
  /** As in the path of a PATCH. */
  path: string;
  label: string;
  read: (user: User) => string | undefined;
}

const FIELDS: Field[] = [
  { path: 'displayName', label: 'Display name', read: (user) => user.displayName },
  { path: 'title', label: 'Title', read: (user) => user.title },
  { path: 'name.givenName', label: 'Given name', read: (user) => user.name?.givenName },
  { path: 'name.familyName', label: 'Family name', read: (user) => user.name?.familyName },
  { path: 'externalId', label: 'External id', read: (user) => user.externalId },
];

const WORK: Field[] = [
  { path: `${ENTERPRISE}:employeeNumber`, label: 'Employee number', read: (user) => user[ENTERPRISE]?.employeeNumber },
  { path: `${ENTERPRISE}:department`, label: 'Department', read: (user) => user[ENTERPRISE]?.department },
  { path: `${ENTERPRISE}:division`, label: 'Division', read: (user) => user[ENTERPRISE]?.division },
  { path: `${ENTERPRISE}:organization`, label: 'Organization', read: (user) => user[ENTERPRISE]?.organization },
  { path: `${ENTERPRISE}:costCenter`, label: 'Cost center', read: (user) => user[ENTERPRISE]?.costCenter },
];

const NAME: Field = { path: 'userName', label: 'User name', read: (user) => user.userName };
const ALL = [NAME, ...FIELDS, ...WORK];

export interface UserDraft {
  /** The single values, by path. */
  texts: Record<string, string>;
  emails: Email[];
}

export function draftOf(user?: User): UserDraft {
  const texts = Object.fromEntries(ALL.map((field) => [field.path, (user && field.read(user)) ?? '']));
  return { texts, emails: user?.emails ?? (user ? [] : [{ value: '', type: 'work', primary: true }]) };
}

function filled(emails: Email[]): Email[] {
  return emails
    .filter((email) => email.value?.trim())
    .map((email) => {
      if (email.type !== '') return email;
      const { type: _, ...untyped } = email;
      return untyped;
    });
}

/** What was changed since the user was read, and nothing else: what another changed meanwhile stays. */
export function changes(before: User, draft: UserDraft): Operation[] {
  const operations: Operation[] = [];
  for (const { path, read } of ALL) {
    const value = draft.texts[path] ?? '';
    if (value === (read(before) ?? '')) continue;
    operations.push(value === '' ? { op: 'remove', path } : { op: 'replace', path, value });
  }
  const emails = filled(draft.emails);
  if (JSON.stringify(emails) !== JSON.stringify(before.emails ?? [])) {
    operations.push(emails.length > 0 ? { op: 'replace', path: 'emails', value: emails } : { op: 'remove', path: 'emails' });
  }
  return operations;
}

/** The body that makes such a user. */
export function creation({ texts, emails }: UserDraft, active: boolean): unknown {
  const text = (path: string) => texts[path] || undefined;
  const work = Object.fromEntries(WORK.map(({ path }) => [path.slice(ENTERPRISE.length + 1), text(path)]).filter(([, value]) => value));
  const extended = Object.keys(work).length > 0;
  const [givenName, familyName] = [text('name.givenName'), text('name.familyName')];
  return {
    schemas: [USER_SCHEMA, ...(extended ? [ENTERPRISE] : [])],
    userName: texts['userName'],
    externalId: text('externalId'),
    displayName: text('displayName'),
    title: text('title'),
    name: givenName || familyName ? { givenName, familyName } : undefined,
    emails: filled(emails),
    active,
    [ENTERPRISE]: extended ? work : undefined,
  };
}

interface Props {
  draft: UserDraft;
  onChange: (draft: UserDraft) => void;
}

export function UserFields({ draft, onChange }: Props) {
  const field = ({ path, label }: Field, required = false) => (
    <TextInput
      key={path}
      label={label}
      value={draft.texts[path] ?? ''}
      onChange={(event) => onChange({ ...draft, texts: { ...draft.texts, [path]: event.currentTarget.value } })}
      required={required}
      autoComplete="off"
      {...(required && { 'data-autofocus': true })}
    />
  );
  return (
    <>
      {field(NAME, true)}
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm" verticalSpacing="xs">
        {FIELDS.map((one) => field(one))}
      </SimpleGrid>
      <Emails emails={draft.emails} onChange={(emails) => onChange({ ...draft, emails })} />
      <Fieldset legend="Enterprise">
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm" verticalSpacing="xs">
          {WORK.map((one) => field(one))}
        </SimpleGrid>
      </Fieldset>
    </>
  );
}

function Emails({ emails, onChange }: { emails: Email[]; onChange: (emails: Email[]) => void }) {
  const name = useId();
  const change = (at: number, what: Email) => onChange(emails.map((email, index) => (index === at ? { ...email, ...what } : email)));
  return (
    <Fieldset legend="E-mails">
      {emails.map((email, index) => (
        <Group key={index} gap="xs" mb="xs">
          <TextInput
            aria-label={`E-mail ${index + 1}`}
            flex="1 1 200px"
            value={email.value ?? ''}
            onChange={(event) => change(index, { value: event.currentTarget.value })}
            autoComplete="off"
          />
          <TextInput
            aria-label={`Type of e-mail ${index + 1}`}
            placeholder="type"
            w={90}
            value={email.type ?? ''}
            onChange={(event) => change(index, { type: event.currentTarget.value })}
            autoComplete="off"
          />
          <Radio
            label="primary"
            aria-label={`E-mail ${index + 1} is the primary one`}
            name={name}
            checked={email.primary ?? false}
            onChange={() => onChange(emails.map(({ primary: _, ...one }, at) => (at === index ? { ...one, primary: true } : one)))}
          />
          <Button
            variant="subtle"
            size="xs"
            aria-label={`Remove e-mail ${index + 1}`}
            onClick={() => onChange(emails.filter((_, at) => at !== index))}
          >
            Remove
          </Button>
        </Group>
      ))}
      <Button variant="default" size="xs" onClick={() => onChange([...emails, { value: '', type: emails.length > 0 ? '' : 'work' }])}>
        Add an e-mail
      </Button>
    </Fieldset>
  );
}
