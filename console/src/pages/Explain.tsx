import { PageFrame } from '../ui/PageFrame';

export function Explain() {
  return <PageFrame title="Explain">…</PageFrame>;
}
