import { PageFrame } from '../ui/PageFrame';

export function Users() {
  return <PageFrame title="Users">…</PageFrame>;
}
