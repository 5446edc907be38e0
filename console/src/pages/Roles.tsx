import { PageFrame } from '../ui/PageFrame';

export function Roles() {
  return <PageFrame title="Roles">…</PageFrame>;
}
