import { PageFrame } from '../ui/PageFrame';

export function TrustDetail({ params }: { params: { id: string } }) {
  return <PageFrame title="TrustDetail">{params.id}</PageFrame>;
}
