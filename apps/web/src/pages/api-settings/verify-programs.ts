/**
 * The receivers of the Verify tab: the very files that are tested as programs, so that what the page shows cannot drift from what works.
 * For X-Signature they are the versions without a kit under receivers/; for Standard Webhooks, those of apps/web/standard-webhooks.
 */

import plainGo from '../../../../../receivers/go/plain/main.go?raw';
import plainNode from '../../../../../receivers/node/plain/express.js?raw';
import plainPhp from '../../../../../receivers/php/plain/webhooks.php?raw';
import plainPython from '../../../../../receivers/python/plain/app.py?raw';
import plainRuby from '../../../../../receivers/ruby/plain/webhooks.rb?raw';
import standardPython from '../../../standard-webhooks/app.py?raw';
import standardGo from '../../../standard-webhooks/main.go?raw';
import standardNode from '../../../standard-webhooks/webhooks.mjs?raw';
import standardPhp from '../../../standard-webhooks/webhooks.php?raw';
import standardRuby from '../../../standard-webhooks/webhooks.rb?raw';
import type { Language } from '../../ui/code.tsx';

export const SCHEMES = [
  { value: 'x-signature', label: 'X-Signature' },
  { value: 'standard', label: 'Standard Webhooks' },
] as const;

export type Scheme = (typeof SCHEMES)[number]['value'];

export const LANGUAGES = [
  { value: 'node', label: 'Node' },
  { value: 'python', label: 'Python' },
  { value: 'ruby', label: 'Ruby' },
  { value: 'go', label: 'Go' },
  { value: 'php', label: 'PHP' },
] as const;

export type ProgramLanguage = (typeof LANGUAGES)[number]['value'];

export interface Program {
  readonly file: string;
  readonly language: Language;
  /** Null: nothing to install beside the language. */
  readonly install: string | null;
  /** Run where the file is, with WEBHOOK_SECRET set. */
  readonly run: string;
  readonly code: string;
}

export const PROGRAMS: Readonly<Record<Scheme, Readonly<Record<ProgramLanguage, Program>>>> = {
  'x-signature': {
    node: { file: 'webhooks.mjs', language: 'javascript', install: 'npm install express', run: 'node webhooks.mjs', code: plainNode },
    python: { file: 'app.py', language: 'python', install: 'pip install flask', run: 'flask run --port 4000', code: plainPython },
    ruby: {
      file: 'webhooks.rb',
      language: 'ruby',
      install: 'gem install sinatra puma rackup',
      run: 'PORT=4000 ruby webhooks.rb',
      code: plainRuby,
    },
    go: { file: 'main.go', language: 'go', install: null, run: 'HOST=127.0.0.1 PORT=4000 go run main.go', code: plainGo },
    php: { file: 'webhooks.php', language: 'php', install: null, run: 'php -S 127.0.0.1:4000 webhooks.php', code: plainPhp },
  },
  standard: {
    node: {
      file: 'webhooks.mjs',
      language: 'javascript',
      install: 'npm install express standardwebhooks',
      run: 'node webhooks.mjs',
      code: standardNode,
    },
    python: {
      file: 'app.py',
      language: 'python',
      install: 'pip install flask standardwebhooks',
      run: 'flask run --port 4000',
      code: standardPython,
    },
    ruby: {
      file: 'webhooks.rb',
      language: 'ruby',
      install: 'gem install sinatra puma rackup',
      run: 'PORT=4000 ruby webhooks.rb',
      code: standardRuby,
    },
    go: {
      file: 'main.go',
      language: 'go',
      install: 'go mod init example.com/webhooks && go get github.com/standard-webhooks/standard-webhooks/libraries/go',
      run: 'HOST=127.0.0.1 PORT=4000 go run .',
      code: standardGo,
    },
    php: { file: 'webhooks.php', language: 'php', install: null, run: 'php -S 127.0.0.1:4000 webhooks.php', code: standardPhp },
  },
};
