/** Program and JSON texts. The text on the page is the text as it is: colours are marks around it. */
import { clsx } from 'clsx';
import { CopyButton } from './copy.tsx';

export type Language = 'json' | 'javascript' | 'python' | 'ruby' | 'go' | 'php' | 'shell' | 'text';

const WORDS =
  'import|from|export|default|const|let|var|function|return|if|else|elif|end|def|class|new|for|while|in|of|do|not|and|or|async|await|try|except|rescue|catch|throw|raise|begin|with|as|package|func|type|struct|defer|range|nil|None|True|False|true|false|null|require|require_relative|use|echo|exit|unless|then|case|switch|break|continue|foreach|fn|match|global|static|self|module|puts';

/** In the order of their precedence: a quote inside a comment is no string. */
const LEXERS: Readonly<Record<Exclude<Language, 'text'>, RegExp>> = {
  json: /(?<name>"(?:[^"\\]|\\.)*"(?=\s*:))|(?<string>"(?:[^"\\]|\\.)*")|(?<number>-?\b\d[\d.eE+-]*)|(?<word>\b(?:true|false|null)\b)/g,
  javascript: lexer('\\/\\/[^\\n]*|\\/\\*[\\s\\S]*?\\*\\/'),
  go: lexer('\\/\\/[^\\n]*|\\/\\*[\\s\\S]*?\\*\\/'),
  php: lexer('\\/\\/[^\\n]*|#(?!\\[)[^\\n]*|\\/\\*[\\s\\S]*?\\*\\/'),
  python: lexer('#[^\\n]*|"""[\\s\\S]*?"""'),
  ruby: lexer('#(?!\\{)[^\\n]*'),
  shell: lexer('(?<=^|\\s)#[^\\n]*'),
};

function lexer(comment: string): RegExp {
  return new RegExp(
    `(?<comment>${comment})|(?<string>"(?:[^"\\\\\\n]|\\\\.)*"|'(?:[^'\\\\\\n]|\\\\.)*'|\`[^\`]*\`)|(?<number>\\b\\d[\\d_.]*\\b)|(?<word>\\b(?:${WORDS})\\b)`,
    'gm',
  );
}

const COLOURS: Readonly<Record<string, string>> = {
  comment: 'text-(--code-comment)',
  string: 'text-(--code-string)',
  number: 'text-(--code-number)',
  name: 'text-(--code-name)',
  word: 'text-(--code-word)',
};

interface Piece {
  readonly kind: string | null;
  readonly text: string;
  readonly at: number;
}

/** Longer texts stay plain: nobody reads colours in them, and marks would cost. */
const LONGEST = 60_000;

function pieces(text: string, language: Language): Piece[] {
  if (language === 'text' || text.length > LONGEST) return [{ kind: null, text, at: 0 }];
  const found: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(LEXERS[language])) {
    const [kind] = Object.entries(match.groups ?? {}).find(([, value]) => value !== undefined) ?? [];
    if (match.index > at) found.push({ kind: null, text: text.slice(at, match.index), at });
    found.push({ kind: kind ?? null, text: match[0], at: match.index });
    at = match.index + match[0].length;
  }
  if (at < text.length) found.push({ kind: null, text: text.slice(at), at });
  return found;
}

interface CodeProps {
  readonly text: string;
  readonly language: Language;
  /** For the copy button and for screen readers. */
  readonly label: string;
  readonly wrap?: boolean;
  readonly tall?: boolean;
  readonly bare?: boolean;
}

export function Code({ text, language, label, wrap = false, tall = false, bare = false }: CodeProps) {
  return (
    <div className={clsx('group relative min-w-0', !bare && 'rounded-lg border border-line bg-sunken')}>
      <div className="absolute top-1.5 right-1.5 z-10 rounded-md bg-sunken/90">
        <CopyButton text={text} label={`Copy ${label}`} />
      </div>
      {/* What scrolls has to take the keyboard (WCAG 2.1.1). */}
      <section
        aria-label={label}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
        tabIndex={0}
        className={clsx('overflow-auto rounded-lg p-3.5 pr-11 text-xs leading-relaxed', tall ? 'max-h-[34rem]' : 'max-h-80')}
      >
        <pre className={wrap ? 'break-all whitespace-pre-wrap' : 'whitespace-pre'}>
          <code>
            {pieces(text, language).map(({ kind, text: piece, at }) =>
              kind === null ? (
                piece
              ) : (
                <span key={at} className={COLOURS[kind]}>
                  {piece}
                </span>
              ),
            )}
          </code>
        </pre>
      </section>
    </div>
  );
}
