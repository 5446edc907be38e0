import { PageFrame } from '../ui/PageFrame';

export function Events() {
  return <PageFrame title="Events">…</PageFrame>;
}
