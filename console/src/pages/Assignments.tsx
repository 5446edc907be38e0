import { PageFrame } from '../ui/PageFrame';

export function Assignments() {
  return <PageFrame title="Assignments">…</PageFrame>;
}
