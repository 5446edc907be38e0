import { PageFrame } from '../ui/PageFrame';

export function Audit() {
  return <PageFrame title="Audit">…</PageFrame>;
}
