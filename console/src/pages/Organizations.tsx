import { PageFrame } from '../ui/PageFrame';

export function Organizations() {
  return <PageFrame title="Organizations">…</PageFrame>;
}
