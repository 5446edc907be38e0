import { Accordion, Alert, Anchor, Button, Code, Group, SegmentedControl, Stack, Text } from '@mantine/core';
import { useRef, useState } from 'react';

import { BY_HAND, useCopy } from '../ui/useCopy';

const SNIPPETS = {
  'Node.js': `// npm install standardwebhooks
import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';

const webhook = new Webhook(process.env.WEBHOOK_SECRET); // whsec_…

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  // The bytes as they came: JSON that is written anew has another signature.
  const body = Buffer.concat(chunks).toString();
  let message;
  try {
    message = webhook.verify(body, request.headers);
  } catch {
    return response.writeHead(401).end();
  }
  if (message.type === 'directory.events') {
    for (const event of message.data.events) console.log(event); // here: keep it; one can come twice
  }
  response.writeHead(204).end();
}).listen(9000, '127.0.0.1');
`,
  Python: `# pip install standardwebhooks
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])  # whsec_…

class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        # The bytes as they came: JSON that is written anew has another signature.
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            message = webhook.verify(body, {name.lower(): value for name, value in self.headers.items()})
        except WebhookVerificationError:
            return self.answer(401)
        if message["type"] == "directory.events":
            for event in message["data"]["events"]:
                print(event)  # here: keep it; one can come twice
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.end_headers()

HTTPServer(("127.0.0.1", 9000), Hook).serve_forever()
`,
};

type Language = keyof typeof SNIPPETS;
const LANGUAGES: Language[] = ['Node.js', 'Python'];

/** How a receiver verifies what it gets, for who wants to see it. */
export function Verify() {
  return (
    <Accordion order={3} variant="contained">
      <Accordion.Item value="verify">
        <Accordion.Control>How a receiver verifies a message</Accordion.Control>
        <Accordion.Panel>
          <Snippet />
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  );
}

function Snippet() {
  const [language, setLanguage] = useState<Language>('Node.js');
  const shown = useRef<HTMLElement>(null);
  const { state, copy } = useCopy();
  const text = SNIPPETS[language];
  return (
    <Stack gap="sm">
      <Text size="sm">
        Messages are signed as{' '}
        <Anchor href="https://www.standardwebhooks.com" target="_blank" rel="noreferrer" underline="always" size="sm">
          Standard Webhooks
        </Anchor>{' '}
        says, in the headers webhook-id, webhook-timestamp and webhook-signature; there are libraries for many languages.
      </Text>
      <Group justify="space-between">
        <SegmentedControl size="xs" aria-label="Language" data={LANGUAGES} value={language} onChange={(value) => setLanguage(value as Language)} />
        <Button size="xs" variant="default" onClick={() => copy(text, shown.current)}>
          {state === 'copied' ? 'Copied' : 'Copy'}
        </Button>
      </Group>
      {state === 'selected' && (
        <Alert color="yellow" role="alert">
          {BY_HAND}
        </Alert>
      )}
      <Code block className="mono" mah={420} style={{ overflow: 'auto' }} tabIndex={0} role="region" aria-label={`A receiver in ${language}`}>
        <span ref={shown}>{text}</span>
      </Code>
    </Stack>
  );
}
