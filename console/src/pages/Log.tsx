import { PageFrame } from '../ui/PageFrame';

export function Log() {
  return <PageFrame title="Log">…</PageFrame>;
}
