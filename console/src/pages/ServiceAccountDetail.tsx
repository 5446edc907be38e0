import { PageFrame } from '../ui/PageFrame';

export function ServiceAccountDetail({ params }: { params: { id: string } }) {
  return <PageFrame title="ServiceAccountDetail">{params.id}</PageFrame>;
}
