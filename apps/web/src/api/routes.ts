/** Every route of the server that the app calls, with what goes in and what comes out. test/routes.test.ts holds it against /openapi.json. */
import type {
  ApplicationView,
  AuditEntryView,
  BrandingView,
  CadencePreviewQuery,
  CadencePreviewView,
  CadencePut,
  DeliveryDetailView,
  DeliveryQuery,
  DeliveryView,
  DispatchView,
  EndpointCreate,
  EndpointDetailView,
  EndpointDispatchView,
  EndpointUpdate,
  EndpointView,
  EventPublish,
  EventPublishedView,
  EventQuery,
  EventTypeDetailView,
  EventTypeView,
  EventView,
  InboxRequestView,
  InboxView,
  InvitationByTokenView,
  InvitationCreatedView,
  InvitationView,
  JobView,
  KeyView,
  MemberView,
  OverviewView,
  PasswordChange,
  PasswordReset,
  PasswordResetRequest,
  PersonView,
  Recover,
  ReplayMissing,
  Rotate,
  SecretView,
  SessionView,
  SignedUpView,
  SignIn,
  SignUp,
  StatsQuery,
  StatsView,
  TestResultView,
  UrlTest,
} from '@posthorn/contract';
import type { JsonText } from './client.ts';
import type { Page, Role } from './views.ts';

interface PageQuery {
  readonly limit?: number;
  readonly cursor?: string;
}

/** `{name}` stands for a part of the path. */
export interface Routes {
  'GET /v1/branding': { answer: BrandingView };
  'GET /v1/session': { answer: SessionView };
  'PATCH /v1/session': { body: { name: string }; answer: SessionView };
  'POST /auth/sign-up/email': { body: SignUp; answer: SignedUpView };
  'POST /auth/sign-in/email': { body: SignIn; answer: { person: PersonView } };
  'POST /auth/sign-out': { answer: null };
  'POST /auth/change-password': { body: PasswordChange; answer: null };
  'POST /auth/request-password-reset': { body: PasswordResetRequest; answer: unknown };
  'POST /auth/reset-password': { body: PasswordReset; answer: null };
  'POST /v1/operator/claim': { body: { token: string }; answer: SessionView };
  'GET /v1/operator/overview': { answer: OverviewView };
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

  'GET /v1/endpoints': { query: PageQuery & { application?: string }; answer: Page<EndpointView> };
  'POST /v1/endpoints': { body: EndpointCreate; answer: EndpointView & { secret: string; standard_secret: string } };
  'GET /v1/endpoints/{id}': { answer: EndpointDetailView };
  'PATCH /v1/endpoints/{id}': { body: EndpointUpdate; answer: EndpointView };
  'DELETE /v1/endpoints/{id}': { answer: null };
  'GET /v1/endpoints/{id}/secret': { answer: SecretView };
  'POST /v1/endpoints/{id}/secret/rotate': { body: Rotate; answer: SecretView };
  'POST /v1/endpoints/{id}/secret/promote': { answer: SecretView };
  'POST /v1/endpoints/{id}/test': { body: { type?: string }; answer: TestResultView };
  'POST /v1/endpoints/{id}/dispatch': { answer: EndpointDispatchView };
  'POST /v1/endpoints/{id}/recover': { body: Recover; answer: JobView };
  'POST /v1/endpoints/{id}/replay-missing': { body: ReplayMissing; answer: JobView };
  'POST /v1/test': { body: UrlTest; answer: TestResultView };

  'GET /v1/jobs/{id}': { answer: JobView };
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
  'PUT /v1/dispatch': { body: CadencePut; answer: DispatchView };
  'GET /v1/dispatch/preview': { query: CadencePreviewQuery; answer: CadencePreviewView };
  'GET /v1/stats': { query: StatsQuery; answer: StatsView };

  'GET /v1/event-types': { query: PageQuery; answer: Page<EventTypeView> };
  'GET /v1/event-types/{name}': { answer: EventTypeDetailView };
  'PUT /v1/event-types/{name}': { body: JsonText; answer: EventTypeView };
  'DELETE /v1/event-types/{name}': { answer: null };

  'GET /v1/keys': { query: PageQuery & { application?: string }; answer: Page<KeyView> };
  'POST /v1/keys': { body: { application?: string; name: string }; answer: KeyView & { key: string } };
  'DELETE /v1/keys/{id}': { answer: null };

  'GET /v1/members': { query: PageQuery; answer: Page<MemberView> };
  'PATCH /v1/members/{id}': { body: { role: Role }; answer: MemberView };
  'DELETE /v1/members/{id}': { answer: null };
  'GET /v1/invitations': { query: PageQuery; answer: Page<InvitationView> };
  'POST /v1/invitations': { body: { email: string; role: Role }; answer: InvitationCreatedView };
  'DELETE /v1/invitations/{id}': { answer: null };
  'GET /v1/invitations/by-token/{token}': { answer: InvitationByTokenView };
  'POST /v1/invitations/accept': { body: { token: string }; answer: SessionView };
  'GET /v1/audit-log': { query: PageQuery; answer: Page<AuditEntryView> };

  'GET /v1/inboxes': { query: PageQuery; answer: Page<InboxView> };
  'POST /v1/inboxes': { body: { application?: string }; answer: InboxView };
  'DELETE /v1/inboxes/{id}': { answer: null };
  'GET /v1/inboxes/{id}/requests': { query: PageQuery; answer: Page<InboxRequestView> };
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
