import { PageFrame } from '../ui/PageFrame';

export function Schemas() {
  return <PageFrame title="Schemas">…</PageFrame>;
}
