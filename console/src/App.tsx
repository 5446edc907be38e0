import { Alert, AppShell, Burger, Button, Center, Container, Group, Loader, Menu, NavLink, ScrollArea, Stack, Text, Title, UnstyledButton, VisuallyHidden } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Component, type ReactNode, useEffect } from 'react';
import { Link, Route, Switch, useLocation } from 'wouter';

import { PAGES, SECTIONS } from './pages';
import { SignIn, SignInAgain } from './SignIn';
import { personOf, useDoor, useSession } from './session';
import { Failure } from './ui/Failure';
import { PageFrame } from './ui/PageFrame';
import { ScopeSelect } from './ui/ScopeSelect';
import { Id, Time } from './ui/words';

export function App() {
  const { session, trouble, waiting } = useDoor();
  if (session) {
    return (
      <>
        {/* Before all other windows: see there. */}
        <SignInAgain />
        {/* Another person finds nothing of the one before. */}
        <Console key={personOf(session.whoami)} />
      </>
    );
  }
  if (trouble) {
    return (
      <Container size="xs" pt="xl">
        <Failure error={trouble} title="The server could not be asked who you are" />
        <Button mt="md" onClick={() => location.reload()}>
          Try again
        </Button>
      </Container>
    );
  }
  if (waiting) {
    return (
      <Center h="60vh">
        <Loader aria-label="Signing in" />
      </Center>
    );
  }
  return <SignIn />;
}

function Console() {
  const [opened, { toggle, close }] = useDisclosure();
  const [path] = useLocation();
  useEffect(close, [path, close]);
  return (
    <AppShell header={{ height: 56 }} navbar={{ width: 230, breakpoint: 'sm', collapsed: { mobile: !opened } }} padding="lg">
      <AppShell.Header>
        <a
          className="skip"
          href="#main"
          onClick={(event) => {
            // The address is the router's.
            event.preventDefault();
            document.getElementById('main')?.focus();
          }}
        >
          Skip to the page
        </a>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Pages" />
            <Text fw={700} size="lg">
              Muster
            </Text>
            <ScopeSelect />
          </Group>
          <Me />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Pages">
        <ScopeSelect narrow />
        <ScrollArea>
          {SECTIONS.map((section) => (
            <section key={section.title} aria-label={section.title}>
              <Text size="xs" c="dimmed" fw={600} px="sm" pt="sm" pb={2}>
                {section.title}
              </Text>
              {section.pages.map((page) => (
                <PageLink key={page.path} page={page} at={path} />
              ))}
            </section>
          ))}
          {/* A page of its own: what is being written here stays. */}
          <NavLink component="a" href="./api.html" target="_blank" rel="noopener" label="API reference" mt="sm" py={6} />
        </ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1} style={{ outline: 'none' }}>
        <Container size="xl" px={0}>
          {/* A defect of one page leaves the others. */}
          <Fence key={path}>
            <Switch>
              {PAGES.flatMap((page) => [
                <Route key={page.path} path={page.path} component={page.component} />,
                page.detail && <Route key={`${page.path}/:id`} path={`${page.path}/:id`} component={page.detail} />,
              ])}
              <Route>
                <PageFrame title="No such page">
                  <Link href="/">To the overview</Link>
                </PageFrame>
              </Route>
            </Switch>
          </Fence>
        </Container>
      </AppShell.Main>
    </AppShell>
  );
}

function PageLink({ page, at }: { page: (typeof PAGES)[number]; at: string }) {
  const active = at === page.path || (page.path !== '/' && at.startsWith(`${page.path}/`));
  return (
    <NavLink component={Link} href={page.path} label={page.title} active={active} aria-current={active ? 'page' : undefined} py={6} />
  );
}

function Me() {
  const { whoami, credential, signOut } = useSession();
  const { principal } = whoami;
  return (
    <Menu position="bottom-end" width={300}>
      <Menu.Target>
        <UnstyledButton miw={0} maw={260}>
          <VisuallyHidden>Who is signed in:</VisuallyHidden>
          <Text size="sm" fw={600} truncate>
            {principal.name}
          </Text>
          <Text size="xs" c="dimmed">
            {credential.account}
          </Text>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Stack gap={4} p="sm" style={{ overflowWrap: 'anywhere' }}>
          <Text size="sm">{principal.email ?? <Id>{principal.identifier}</Id>}</Text>
          <Text size="xs" c="dimmed">
            {whoami.credential.type}, ends: <Time at={whoami.credential.expiresAt} />
          </Text>
        </Stack>
        <Menu.Divider />
        <Menu.Item onClick={signOut}>Sign out</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** Shows a defect of the console in the place of the page. */
class Fence extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: undefined as unknown };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === undefined) return this.props.children;
    return (
      <Alert color="red" role="alert">
        <Title order={1} size="h4">
          The console has a defect here
        </Title>
        <Text size="sm" mt="xs">
          {String(this.state.error)}
        </Text>
        <Button mt="md" onClick={() => location.reload()}>
          Load it again
        </Button>
      </Alert>
    );
  }
}
