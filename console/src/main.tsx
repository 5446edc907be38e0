import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './style.css';

import { createTheme, MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Router } from 'wouter';
import { useHashLocation } from 'wouter/use-hash-location';

import { App } from './App';
import { Refused } from './api';
import { SessionProvider } from './session';

const theme = createTheme({ primaryColor: 'cyan', primaryShade: { light: 9, dark: 7 }, defaultRadius: 'sm' });

// What the server refused it will refuse again; only what did not reach it, or came back as 503, is tried once more.
const queries = new QueryClient({
  defaultOptions: {
    queries: {
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
        <Notifications position="top-right" />
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
