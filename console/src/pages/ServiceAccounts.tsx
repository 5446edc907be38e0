import { PageFrame } from '../ui/PageFrame';

export function ServiceAccounts() {
  return <PageFrame title="ServiceAccounts">…</PageFrame>;
}
