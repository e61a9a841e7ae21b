/**
 * The checks of an outbox row: those of `POST /v1/events`, by the same code. The row is put together as the body that a request would have had, and read and
 * validated as that is; so `data` keeps its text, and what HTTP refuses is refused here, in the same words.
 */
import { EventPublishSchema, type FieldError, MAX_DATA_BYTES } from '@posthorn/contract';
import { readJson } from '@posthorn/core';
import { ENVIRONMENTS, type Environment, type EventTypeStore, type OutboxRow, type OutboxVerdict } from '../store/store.ts';
import { createSchemaCache, misfits } from './event-schemas.ts';
import { MAX_DEPTH } from './json-body.ts';
import { Problem } from './problems.ts';
import { schemaCompiler } from './validation.ts';

interface Candidate {
  readonly environment: Environment;
  readonly application: string;
  readonly type: string;
  readonly orderingKey: string | null;
  readonly data: string;
  /** Of `data`, parsed. */
  readonly value: unknown;
}

/** @returns what judges rows, in their order */
export function outboxChecks(eventTypes: Pick<EventTypeStore, 'getMany'>): (rows: readonly OutboxRow[]) => Promise<OutboxVerdict[]> {
  const validate = schemaCompiler()({ schema: EventPublishSchema, method: 'POST', url: '', httpPart: 'body' });
  const schemas = createSchemaCache();

  return async (rows) => {
    const read = rows.map((row) => readRow(row, validate));
    const types = new Set(read.flatMap((each) => ('reason' in each ? [] : [each.type])));
    const catalogue = new Map((await eventTypes.getMany([...types])).map((type) => [type.name, type]));
    return read.map((candidate): OutboxVerdict => {
      if ('reason' in candidate) return { ok: false, reason: candidate.reason };
      const { environment, application, type, orderingKey, data, value } = candidate;
      const known = catalogue.get(type);
      if (known?.strict && known.schema !== null) {
        const compilation = schemas.validators({ ...known, schema: known.schema });
        // As with a publish: a schema of ours that does not compile any more stops nobody.
        const errors = compilation.ok ? misfits([{ validators: compilation.validators, value, root: 'data' }], data.length) : [];
        if (errors.length > 0) return { ok: false, reason: words(errors) };
      }
      return { ok: true, environment, event: { application, type, data, orderingKey, id: null } };
    });
  };
}

function readRow(row: OutboxRow, validate: ReturnType<ReturnType<typeof schemaCompiler>>): Candidate | { readonly reason: string } {
  const environment = ENVIRONMENTS.find((name) => name === (row.environment === 'staging' ? 'sandbox' : row.environment));
  if (environment === undefined) return { reason: `environment: must be production or sandbox, not ${JSON.stringify(row.environment)}` };
  if (row.data === null || row.bytes > MAX_DATA_BYTES + 1024) return { reason: tooLarge(row.bytes) };
  const text = `{"application":${JSON.stringify(row.application)},"type":${JSON.stringify(row.type)},"ordering_key":${JSON.stringify(row.orderingKey)},"data":${row.data}}`;
  const reading = readJson(text, { maxDepth: MAX_DEPTH, verbatim: ['data'] });
  if (!reading.ok) return { reason: words([reading.error]) };
  const result = validate(reading.value) as { readonly error?: unknown };
  if (result.error !== undefined) return { reason: result.error instanceof Problem ? words(result.error.errors) : String(result.error) };
  const span = reading.spans.get('data');
  if (span === undefined) throw new TypeError('the text of data was not kept');
  const data = text.slice(...span);
  const bytes = Buffer.byteLength(data);
  if (bytes > MAX_DATA_BYTES) return { reason: tooLarge(bytes) };
  const { data: value } = reading.value as { readonly data: unknown };
  return { environment, application: row.application, type: row.type, orderingKey: row.orderingKey, data, value };
}

function tooLarge(bytes: number): string {
  return `data: has ${bytes} bytes; an event’s data has at most ${MAX_DATA_BYTES}`;
}

function words(errors: readonly FieldError[]): string {
  return errors.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
}
