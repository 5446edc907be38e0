import { PageFrame } from '../ui/PageFrame';

export function UserDetail({ params }: { params: { id: string } }) {
  return <PageFrame title="UserDetail">{params.id}</PageFrame>;
}
