/** What stands in a page's place: while it loads, when it is not there, and when it broke. */
import { Link } from '@tanstack/react-router';
import { Compass } from 'lucide-react';
import { ApiProblem } from '../api/client.ts';
import { Brand } from '../shell/brand.tsx';
import { Button, buttonClass } from '../ui/button.tsx';
import { Empty, Notice, Skeleton } from '../ui/notice.tsx';

export function Loading() {
  return (
    <div className="mx-auto max-w-5xl px-6 py-10">
      <Skeleton lines={5} />
    </div>
  );
}

/** The server does not tell whether something does not exist or is another's, so this does not either. */
export function NowherePage() {
  return (
    <main className="mx-auto max-w-xl px-6 py-16">
      <title>Not found</title>
      <Brand />
      <NowhereInside />
    </main>
  );
}

export function NowhereInside() {
  return (
    <Empty
      page
      icon={<Compass />}
      title="There is nothing here"
      action={
        <Link to="/" className={buttonClass('primary')}>
          To the start
        </Link>
      }
    >
      The address may have a typing error, or what was here belongs to another environment or another business, or is gone.
    </Empty>
  );
}

export function Broken({ error, retry }: { readonly error: Error; readonly retry: () => void }) {
  const told = error instanceof ApiProblem;
  return (
    <div className="mx-auto max-w-2xl px-6 py-12">
      <Notice
        tone="bad"
        live
        title={told ? 'This page could not be loaded' : 'This page broke'}
        action={
          <>
            <Button size="small" onClick={retry}>
              Try again
            </Button>
            <Button size="small" onClick={() => location.reload()}>
              Reload
            </Button>
          </>
        }
      >
        {told ? error.message : `That is a fault of this app: ${error.message}`}
      </Notice>
    </div>
  );
}
