/** JSON with indents; a text that is none stays as it is. Numbers keep their digits, texts their escapes: only the space between changes. */
export function prettyJson(text: string): string {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  const out: string[] = [];
  let depth = 0;
  let last = '';
  const line = () => `\n${'  '.repeat(depth)}`;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    const opened = last === '{' || last === '[';
    if (token === '}' || token === ']') {
      depth -= 1;
      out.push(opened ? '' : line(), token);
    } else {
      if (opened) out.push(line());
      out.push(token);
      if (token === '{' || token === '[') depth += 1;
      if (token === ',') out.push(line());
      if (token === ':') out.push(' ');
    }
    last = token;
  }
  return out.join('');
}
