import type { TestResultView } from '@posthorn/contract';
import { useMutation } from '@tanstack/react-query';
import { Send } from 'lucide-react';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/notice.tsx';
import { TestResult } from '../api-settings/test-request.tsx';

export function SendExample({ send }: { readonly send: () => Promise<TestResultView> }) {
  const example = useMutation({ mutationFn: send });
  return (
    <div className="space-y-3">
      <Button icon={<Send className="size-3.5" />} busy={example.isPending} onClick={() => example.mutate()}>
        Send me an example
      </Button>
      {example.error !== null && <Failure error={example.error} />}
      {example.data !== undefined && <TestResult key={example.data.event} result={example.data} />}
    </div>
  );
}
