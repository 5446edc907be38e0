import { PageFrame } from '../ui/PageFrame';

export function LogDetail({ params }: { params: { id: string } }) {
  return <PageFrame title="LogDetail">{params.id}</PageFrame>;
}
