/**
 * Every error code of the HTTP API: what a program can rely on. docs/errors.md explains each, and a test fails when one
 * is missing there. A code is never renamed and never changes its status.
 */

interface ProblemKind {
  readonly status: number;
  /** The same for every occurrence (RFC 9457, section 3.1.3); what differs stands in `detail`. */
  readonly title: string;
}

export const PROBLEMS = {
  // 400: the request cannot be read
  malformed_request: { status: 400, title: 'The request is not valid HTTP' },
  invalid_json: { status: 400, title: 'The body is not valid JSON' },
  invalid_request: { status: 400, title: 'The request has fields that do not do' },
  invalid_cursor: { status: 400, title: 'The cursor does not belong to this list' },
  // 401, 403: who is asking
  unauthenticated: { status: 401, title: 'The request needs a valid key, or a session' },
  invalid_credentials: { status: 401, title: 'The e-mail address or the password is wrong' },
  metrics_token_required: { status: 401, title: 'The metrics need their token' },
  service_key_required: { status: 403, title: 'This takes a service key' },
  production_key_required: { status: 403, title: 'This takes a service key of production' },
  provider_setting: { status: 403, title: 'Only the API provider sets this' },
  sandbox_only: { status: 403, title: 'This may be done in the sandbox only' },
  role_required: { status: 403, title: 'This takes a member with more rights' },
  membership_required: { status: 403, title: 'This takes a member of an application' },
  account_required: { status: 403, title: 'This takes somebody with an account' },
  wrong_origin: { status: 403, title: 'The request does not come from a page of this server' },
  sign_up_closed: { status: 403, title: 'Accounts are by invitation' },
  email_unverified: { status: 403, title: 'The e-mail address has to be confirmed first' },
  invitation_for_another: { status: 403, title: 'The invitation is for another e-mail address' },
  // 404, 405: nothing there
  route_not_found: { status: 404, title: 'There is no such route' },
  application_not_found: { status: 404, title: 'There is no such application' },
  endpoint_not_found: { status: 404, title: 'There is no such endpoint' },
  event_not_found: { status: 404, title: 'There is no such event' },
  delivery_not_found: { status: 404, title: 'There is no such delivery' },
  event_type_not_found: { status: 404, title: 'There is no such event type' },
  key_not_found: { status: 404, title: 'There is no such key' },
  outbox_row_not_found: { status: 404, title: 'There is no such row' },
  person_not_found: { status: 404, title: 'There is no such person' },
  member_not_found: { status: 404, title: 'There is no such member' },
  inbox_not_found: { status: 404, title: 'There is no such inbox' },
  invitation_not_found: { status: 404, title: 'There is no such invitation' },
  job_not_found: { status: 404, title: 'There is no such job' },
  method_not_allowed: { status: 405, title: 'The route does not take this method' },
  request_timeout: { status: 408, title: 'The request did not arrive in time' },
  // 409: at odds with what is there
  uid_taken: { status: 409, title: 'Another application has this uid' },
  idempotency_conflict: { status: 409, title: 'The Idempotency-Key belongs to another request' },
  event_id_conflict: { status: 409, title: 'The event id belongs to an event with other content' },
  rotation_in_progress: { status: 409, title: 'A rotation of this secret is under way' },
  no_rotation: { status: 409, title: 'There is no next secret to promote' },
  delivery_ended: { status: 409, title: 'The delivery has ended already' },
  endpoint_deleted: { status: 409, title: 'The endpoint of this delivery has been deleted' },
  job_ended: { status: 409, title: 'The job has ended already' },
  too_many_jobs: { status: 409, title: 'The endpoint has too many jobs' },
  email_taken: { status: 409, title: 'This e-mail address has an account already' },
  already_member: { status: 409, title: 'This e-mail address is a member’s' },
  last_owner: { status: 409, title: 'An application has to have an owner' },
  too_many_endpoints: { status: 409, title: 'The application has as many endpoints as it may make' },
  too_many_inboxes: { status: 409, title: 'The application has as many inboxes as it may' },
  mail_not_set_up: { status: 409, title: 'This installation sends no mail' },
  link_over: { status: 410, title: 'The link was used, withdrawn, or has expired' },
  // 413 and on: too much, or of the wrong kind
  payload_too_large: { status: 413, title: 'The body is too large' },
  uri_too_long: { status: 414, title: 'The URL is too long' },
  unsupported_media_type: { status: 415, title: 'The body must be application/json' },
  invalid_cadence: { status: 422, title: 'The cadence cannot be read, or never fires' },
  event_type_mismatch: { status: 422, title: 'The data does not fit the schema of its event type' },
  too_many_requests: { status: 429, title: 'Too many tries' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  // 5xx: not the caller's fault
  internal_error: { status: 500, title: 'Something went wrong on our side' },
  store_unavailable: { status: 503, title: 'The database does not answer' },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof PROBLEMS;

export const PROBLEM_CODES = Object.keys(PROBLEMS) as ProblemCode[];
