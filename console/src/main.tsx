import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './style.css';

import { createTheme, MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Router } from 'wouter';
import { useHashLocation } from 'wouter/use-hash-location';

import { App } from './App';
import { Refused } from './api';
import { SessionProvider } from './session';

const theme = createTheme({
  respectReducedMotion: true,
  primaryColor: 'cyan',
  // Dark enough for white on it (WCAG 2.2, 1.4.3).
  primaryShade: 9,
  defaultRadius: 'sm',
  components: {
    Modal: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } },
    // In its own colour, yellow of all, the title cannot be read well.
    Alert: { styles: { title: { color: 'var(--mantine-color-text)' } } },
    Notification: { defaultProps: { closeButtonProps: { 'aria-label': 'Dismiss' } } },
    // The library's <header> would count as a second one of the whole page.
    ModalHeader: { defaultProps: { component: 'div' } },
  },
});

/** Whether the token holds at all is asked at once when a call is refused for it. */
function onError(error: unknown): void {
  if (!(error instanceof Refused && error.status === 401)) return;
  void queries.invalidateQueries({ queryKey: ['whoami'], predicate: ({ state }) => state.error === null }, { cancelRefetch: false });
}

// What the server refused it will refuse again; only what did not reach it, or came back as 503, is tried once more.
const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    // The server may be reached without the internet.
    mutations: { networkMode: 'always' },
    queries: {
      networkMode: 'always',
      retry: (times, error) => times < 1 && !(error instanceof Refused && error.status !== 503),
      refetchOnWindowFocus: false,
      staleTime: 5_000,
    },
  },
});

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto">
        {/* Where they cover no button of a page. */}
        <Notifications position="bottom-right" />
        <QueryClientProvider client={queries}>
          <Router hook={useHashLocation}>
            <SessionProvider>
              <App />
            </SessionProvider>
          </Router>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
