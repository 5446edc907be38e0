import { PageFrame } from '../ui/PageFrame';

export function Groups() {
  return <PageFrame title="Groups">…</PageFrame>;
}
