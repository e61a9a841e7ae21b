/** Conditions and their parameters, gathered for one statement. Only what is given becomes a condition, so that the planner sees the index to use. */
export class Conditions {
  readonly parameters: unknown[] = [];
  readonly #parts: string[] = [];

  /** Each `?` in `sql` stands for the next of `parameters`. */
  add(sql: string, ...parameters: readonly unknown[]): this {
    this.#parts.push(this.bind(sql, ...parameters));
    return this;
  }

  /** A piece of SQL with its parameters numbered, for elsewhere in the statement. */
  bind(sql: string, ...parameters: readonly unknown[]): string {
    let at = this.parameters.length;
    this.parameters.push(...parameters);
    return sql.replaceAll('?', () => {
      at += 1;
      return `$${at}`;
    });
  }

  get sql(): string {
    return this.#parts.length === 0 ? 'true' : this.#parts.join(' AND ');
  }
}
