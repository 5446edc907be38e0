import { PageFrame } from '../ui/PageFrame';

export function Settings() {
  return <PageFrame title="Settings">…</PageFrame>;
}
