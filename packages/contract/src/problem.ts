import { type Static, Type } from 'typebox';
import { PROBLEM_CODES } from './errors.ts';

export const FieldErrorSchema = Type.Object(
  {
    path: Type.String({ description: 'Where: `url`, `events[3].type`, `headers.X-Foo`; empty for the whole body' }),
    message: Type.String({ description: 'What to mend, for people' }),
  },
  { title: 'FieldError', examples: [{ path: 'events[3].type', message: 'must be a string' }] },
);
export type FieldError = Static<typeof FieldErrorSchema>;

/** RFC 9457, sent as `application/problem+json`. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: 'A URL that explains the code' }),
    title: Type.String({ description: 'The same for every occurrence of the code' }),
    status: Type.Integer({ description: 'The HTTP status' }),
    code: Type.Enum(PROBLEM_CODES, { type: 'string', description: 'Stable: what a program should look at' }),
    detail: Type.String({ description: 'What happened this time, and what to do next' }),
    errors: Type.Optional(Type.Array(FieldErrorSchema, { description: 'For bad input: each field that does not do' })),
  },
  {
    title: 'Problem',
    description: 'An error, as RFC 9457 has it',
    examples: [
      {
        type: '/docs/errors#invalid_request',
        title: 'The request has fields that do not do',
        status: 400,
        code: 'invalid_request',
        detail: 'url: must be a string',
        errors: [{ path: 'url', message: 'must be a string' }],
      },
    ],
  },
);
export type ProblemDocument = Static<typeof ProblemSchema>;
