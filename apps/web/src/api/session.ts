/** Who is signed in, and what they may do where. */
import type { BrandingView, SessionView } from '@posthorn/contract';
import { queryOptions, useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { ApiProblem, call, type Scope } from './client.ts';
import type { Environment, Role } from './views.ts';

/** Null: nobody is. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: async ({ signal }): Promise<SessionView | null> => {
    try {
      return await call('GET /v1/session', { signal });
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: 60_000,
});

const PLAIN: BrandingView = {
  name: 'Posthorn',
  logo_url: null,
  accent_color: null,
  sign_up: 'closed',
  needs_operator: false,
  mail: false,
  egress_addresses: [],
};

export const brandingQuery = queryOptions({
  queryKey: ['branding'],
  queryFn: ({ signal }) => call('GET /v1/branding', { signal }),
  staleTime: Number.POSITIVE_INFINITY,
});

/** The operator's name, logo and colour; plain ones until they are known. */
export function useBranding(): BrandingView {
  return useQuery(brandingQuery).data ?? PLAIN;
}

export function useSession(): SessionView {
  const session = useSuspenseQuery(sessionQuery).data;
  if (session === null) throw new ApiProblem(401, { code: 'unauthenticated', detail: 'You are signed out. Sign in again.' });
  return session;
}

export interface ShownScope extends Scope {
  readonly application: string;
  readonly environment: Environment;
}

/** The application and environment of the page, which its address names. */
export function useScope(): ShownScope {
  const { application, environment } = useParams({ from: '/$application/$environment' });
  return { application, environment };
}

interface Rights {
  readonly role: Role;
  /** May change endpoints, keys and deliveries. */
  readonly mayChange: boolean;
  /** May change the team, and delete. */
  readonly mayOwn: boolean;
  readonly operator: boolean;
}

export function useRights(): Rights {
  const session = useSession();
  const { application } = useScope();
  const role = session.operator ? 'owner' : (session.applications.find(({ id }) => id === application)?.role ?? 'viewer');
  return { role, mayChange: role !== 'viewer', mayOwn: role === 'owner', operator: session.operator };
}
