/** Every route of the server that the app calls, with what goes in and what comes out. test/routes.test.ts holds it against /openapi.json. */
import type {
  ApplicationView,
  DeliveryDetailView,
  DeliveryQuery,
  DeliveryView,
  DispatchView,
  EndpointCreate,
  EndpointDispatchView,
  EndpointUpdate,
  EventPublish,
  EventPublishedView,
  EventQuery,
  EventTypeView,
  EventView,
  KeyView,
  Rotate,
  SecretView,
  TestResultView,
  UrlTest,
} from '@posthorn/contract';
import type {
  AuditEntry,
  Branding,
  Endpoint,
  Inbox,
  InboxRequest,
  Invitation,
  InvitationByToken,
  Job,
  Member,
  OperatorOverview,
  Page,
  Role,
  Session,
  Stats,
} from './views.ts';

interface PageQuery {
  readonly limit?: number;
  readonly cursor?: string;
}

interface Span {
  readonly since: string;
  readonly until?: string;
}

/** `{name}` stands for a part of the path. */
export interface Routes {
  'GET /v1/branding': { answer: Branding };
  'GET /v1/session': { answer: Session };
  'POST /v1/operator/claim': { body: { token: string }; answer: unknown };
  'GET /v1/operator/overview': { answer: OperatorOverview };
  'POST /v1/pause': { body: { application?: string }; answer: unknown };
  'POST /v1/resume': { body: { application?: string }; answer: unknown };

  'GET /v1/applications': { query: PageQuery; answer: Page<ApplicationView> };
  'POST /v1/applications': { body: { name: string; uid?: string }; answer: ApplicationView };
  'GET /v1/applications/{application}': { answer: ApplicationView };
  'PATCH /v1/applications/{application}': { body: { name: string }; answer: ApplicationView };
  'POST /v1/applications/{application}/portal-link': {
    body: { expires_in_seconds?: number; role?: Role };
    answer: { url: string; expires_at: string };
  };

  'GET /v1/endpoints': { query: PageQuery & { application?: string }; answer: Page<Endpoint> };
  'POST /v1/endpoints': { body: EndpointCreate; answer: Endpoint & { secret: string; standard_secret: string } };
  'GET /v1/endpoints/{id}': { answer: Endpoint };
  'PATCH /v1/endpoints/{id}': { body: EndpointUpdate; answer: Endpoint };
  'DELETE /v1/endpoints/{id}': { answer: null };
  'GET /v1/endpoints/{id}/secret': { answer: SecretView };
  'POST /v1/endpoints/{id}/secret/rotate': { body: Rotate; answer: SecretView };
  'POST /v1/endpoints/{id}/secret/promote': { answer: SecretView };
  'POST /v1/endpoints/{id}/test': { body: { type?: string }; answer: TestResultView };
  'POST /v1/endpoints/{id}/dispatch': { answer: EndpointDispatchView };
  'POST /v1/endpoints/{id}/recover': { body: Span & { status?: string }; answer: Job };
  'POST /v1/endpoints/{id}/replay-missing': { body: Span; answer: Job };
  'POST /v1/test': { body: UrlTest; answer: TestResultView };

  'GET /v1/jobs/{id}': { answer: Job };
  'DELETE /v1/jobs/{id}': { answer: unknown };

  'POST /v1/events': { body: EventPublish; answer: EventPublishedView };
  'GET /v1/events': { query: EventQuery; answer: Page<EventView> };
  'GET /v1/events/{id}': { query: { application?: string }; answer: EventView };
  'GET /v1/deliveries': { query: DeliveryQuery; answer: Page<DeliveryView> };
  'GET /v1/deliveries/{id}': { answer: DeliveryDetailView };
  'POST /v1/deliveries/{id}/retry': { answer: DeliveryView };
  'POST /v1/deliveries/{id}/cancel': { answer: DeliveryView };

  'GET /v1/dispatch': { answer: DispatchView };
  'POST /v1/dispatch': { answer: DispatchView };
  'GET /v1/stats': {
    query: { application?: string; endpoint?: string; since?: string; until?: string; step?: string };
    answer: Stats;
  };

  'GET /v1/event-types': { query: PageQuery; answer: Page<EventTypeView> };
  'GET /v1/event-types/{name}': { answer: EventTypeView };

  'GET /v1/keys': { query: PageQuery & { application?: string }; answer: Page<KeyView> };
  'POST /v1/keys': { body: { application?: string; name: string }; answer: KeyView & { key: string } };
  'DELETE /v1/keys/{id}': { answer: null };

  'GET /v1/members': { query: PageQuery; answer: Page<Member> };
  'PATCH /v1/members/{id}': { body: { role: Role }; answer: Member };
  'DELETE /v1/members/{id}': { answer: null };
  'GET /v1/invitations': { query: PageQuery; answer: Page<Invitation> };
  'POST /v1/invitations': { body: { email: string; role: Role }; answer: Invitation };
  'DELETE /v1/invitations/{id}': { answer: null };
  'GET /v1/invitations/by-token/{token}': { answer: InvitationByToken };
  'POST /v1/invitations/accept': { body: { token: string }; answer: unknown };
  'GET /v1/audit-log': { query: PageQuery; answer: Page<AuditEntry> };

  'GET /v1/inboxes': { query: PageQuery; answer: Page<Inbox> };
  'POST /v1/inboxes': { answer: Inbox };
  'DELETE /v1/inboxes/{id}': { answer: null };
  'GET /v1/inboxes/{id}/requests': { query: PageQuery; answer: Page<InboxRequest> };
}

export type Route = keyof Routes;
export type Answer<R extends Route> = Routes[R]['answer'];

/** The names in a route's braces. */
type PathNames<R extends string> = R extends `${string}{${infer Name}}${infer Rest}` ? Name | PathNames<Rest> : never;

type Part<R extends Route, K extends string> = Routes[R] extends { [P in K]: infer T } ? T : never;

/** What a call of the route takes: its path's names, its query, its body. */
export type Parts<R extends Route> = ([PathNames<R>] extends [never]
  ? { readonly path?: undefined }
  : { readonly path: Readonly<Record<PathNames<R>, string>> }) &
  ([Part<R, 'query'>] extends [never] ? { readonly query?: undefined } : { readonly query?: Part<R, 'query'> }) &
  ([Part<R, 'body'>] extends [never] ? { readonly body?: undefined } : { readonly body: Part<R, 'body'> });
