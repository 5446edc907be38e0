import { PageFrame } from '../ui/PageFrame';

export function Trusts() {
  return <PageFrame title="Trusts">…</PageFrame>;
}
