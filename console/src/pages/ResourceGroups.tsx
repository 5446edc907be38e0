import { PageFrame } from '../ui/PageFrame';

export function ResourceGroups() {
  return <PageFrame title="ResourceGroups">…</PageFrame>;
}
