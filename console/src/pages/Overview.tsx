import { PageFrame } from '../ui/PageFrame';

export function Overview() {
  return <PageFrame title="Overview">…</PageFrame>;
}
