import { PageFrame } from '../ui/PageFrame';

export function Tokens() {
  return <PageFrame title="Your tokens">…</PageFrame>;
}
