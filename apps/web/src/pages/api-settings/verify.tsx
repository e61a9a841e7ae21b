/** How a receiver knows that a request is genuine: a whole program to copy, in five languages and two schemes. */
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Code } from '../../ui/code.tsx';
import { CopyTextButton } from '../../ui/copy.tsx';
import { Section } from '../../ui/page.tsx';
import { Segments } from '../../ui/segments.tsx';
import { LANGUAGES, PROGRAMS, type Program, type ProgramLanguage, SCHEMES, type Scheme } from './verify-programs.ts';

const FROM = '/$application/$environment/settings/api';

export function Verify() {
  const search = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const language: ProgramLanguage = LANGUAGES.find(({ value }) => value === search.language)?.value ?? 'node';
  const scheme: Scheme = SCHEMES.find(({ value }) => value === search.scheme)?.value ?? 'x-signature';
  const choose = (part: { language?: string; scheme?: string }) =>
    navigate({ search: (before) => ({ ...before, ...part }), replace: true }).catch(reportError);
  const program = PROGRAMS[scheme][language];
  return (
    <div className="space-y-5">
      <Section
        title="Verify signatures"
        about="Anybody can send requests to your URL. The signature tells ours from theirs: check it before you believe a word. This is a whole receiver; copy it, or the part in the middle."
      >
        <div className="space-y-4">
          <div className="flex flex-wrap gap-3">
            <Segments label="Language" value={language} options={LANGUAGES} onChange={(value) => choose({ language: value })} />
            <Segments label="Scheme" value={scheme} options={SCHEMES} onChange={(value) => choose({ scheme: value })} />
          </div>
          <p className="max-w-prose text-sm text-pretty text-ink-2">{ABOUT[scheme]}</p>
          <ProgramText key={`${scheme} ${language}`} program={program} />
        </div>
      </Section>
      <Section title="Then">
        <ol className="list-decimal space-y-1.5 pl-5 text-sm text-ink-2">
          <li>
            Set <code className="text-xs text-ink">WEBHOOK_SECRET</code> to the signing secret of your webhook URL
            {scheme === 'standard' && ', the one that begins with whsec_'}, start the program, and make its{' '}
            <code className="text-xs text-ink">/webhooks</code> your URL.
          </li>
          <li>
            Send a test request. It answers <code className="text-xs text-ink">200 Valid signature</code>, or{' '}
            <code className="text-xs text-ink">403 Invalid signature</code> when the secret is another.
          </li>
          <li>Answer within 30 seconds, and do the work afterwards: store the event, answer 200, then act on it.</li>
          <li>The same event may come twice. Remember the id in its body, and leave out what you have.</li>
        </ol>
      </Section>
    </div>
  );
}

const ABOUT: Readonly<Record<Scheme, string>> = {
  'x-signature':
    'X-Signature is the lowercase hex HMAC-SHA256 of the raw body, keyed with the whole secret. Ten lines in any language, without a library.',
  standard:
    'webhook-signature is that of Standard Webhooks: it covers id and time as well, so that an old request cannot be replayed, and carries both secrets during a rotation. Libraries exist for most languages.',
};

function ProgramText({ program }: { readonly program: Program }) {
  const { file, language, install, run, code } = program;
  return (
    <div className="space-y-3">
      {install !== null && <Code label="install command" language="shell" text={install} wrap />}
      <div>
        <div className="mb-1.5 flex items-center justify-between gap-3">
          <code className="text-xs text-ink-2">{file}</code>
          <CopyTextButton text={code}>Copy program</CopyTextButton>
        </div>
        <Code tall label={file} language={language} text={code} />
      </div>
      <Code label="start command" language="shell" text={`WEBHOOK_SECRET=whsec_… ${run}`} wrap />
    </div>
  );
}
