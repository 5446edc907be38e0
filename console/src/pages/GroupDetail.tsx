import { PageFrame } from '../ui/PageFrame';

export function GroupDetail({ params }: { params: { id: string } }) {
  return <PageFrame title="GroupDetail">{params.id}</PageFrame>;
}
