/* oxlint-disable typescript/only-throw-error -- TanStack Router's redirects and not-founds are thrown, and are no errors. */
/** The addresses of the app. Every page but the frame is a chunk of its own, loaded when it is first opened. */
import type { SessionView } from '@posthorn/contract';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  notFound,
  Outlet,
  redirect,
  rootRouteId,
} from '@tanstack/react-router';
import { ApiProblem } from './api/client.ts';
import { brandingQuery, sessionQuery } from './api/session.ts';
import type { Environment } from './api/views.ts';
import { Broken, Loading, NowhereInside, NowherePage } from './pages/nowhere.tsx';
import { useBrandColour } from './shell/brand.tsx';
import { Shell } from './shell/shell.tsx';
import { TipLayer } from './ui/tip-layer.tsx';
import { Toasts } from './ui/toasts.tsx';

interface Context {
  readonly queries: QueryClient;
}

/** Search parameters are plain texts in the address; what is not given is not there. */
function texts<const N extends string>(...names: readonly N[]): (search: Record<string, unknown>) => { [K in N]?: string | undefined } {
  return (search) =>
    Object.fromEntries(
      names.flatMap((name) => (search[name] === undefined || search[name] === '' ? [] : [[name, String(search[name])]])),
    ) as { [K in N]?: string | undefined };
}

const root = createRootRouteWithContext<Context>()({
  loader: ({ context }) => context.queries.prefetchQuery(brandingQuery),
  component: Root,
  notFoundComponent: NowherePage,
});

function Root() {
  useBrandColour();
  return (
    <>
      <Outlet />
      <Toasts />
      <TipLayer />
    </>
  );
}

/** The session of who is signed in; others go to the sign-in page, and come back after. */
async function signedIn(queries: QueryClient, href: string): Promise<SessionView> {
  const session = await queries.ensureQueryData(sessionQuery);
  if (session === null) throw redirect({ to: '/sign-in', search: href === '/' ? {} : { to: href } });
  return session;
}

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: async ({ context, location }) => {
    const session = await signedIn(context.queries, location.href);
    const [first] = session.applications;
    if (first !== undefined) {
      throw redirect({
        to: '/$application/$environment/overview',
        params: { application: first.id, environment: allowed(session, lastEnvironment()) },
      });
    }
    throw redirect({ to: session.operator ? '/operator' : '/welcome' });
  },
});

/** The environment that was asked for, where the session may see it: a link of the sandbox opens nothing else. */
function allowed({ environments }: SessionView, asked: Environment): Environment {
  return environments.includes(asked) ? asked : (environments[0] ?? asked);
}

const KEPT_AS = 'posthorn.environment';

function lastEnvironment(): Environment {
  try {
    return localStorage.getItem(KEPT_AS) === 'production' ? 'production' : 'sandbox';
  } catch {
    return 'sandbox';
  }
}

function keepEnvironment(environment: Environment): void {
  try {
    localStorage.setItem(KEPT_AS, environment);
  } catch {
    // Storage is off: the address still says it.
  }
}

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: texts('to'),
  component: lazyRouteComponent(() => import('./pages/account/sign-in.tsx'), 'SignIn'),
});

const signUp = createRoute({
  getParentRoute: () => root,
  path: '/sign-up',
  validateSearch: texts('to'),
  component: lazyRouteComponent(() => import('./pages/account/sign-up.tsx'), 'SignUp'),
});

const welcome = createRoute({
  getParentRoute: () => root,
  path: '/welcome',
  beforeLoad: ({ context, location }) => signedIn(context.queries, location.href),
  component: lazyRouteComponent(() => import('./pages/account/welcome.tsx'), 'Welcome'),
});

const invitation = createRoute({
  getParentRoute: () => root,
  path: '/invite/$token',
  component: lazyRouteComponent(() => import('./pages/account/invitation.tsx'), 'Invitation'),
});

const claim = createRoute({
  getParentRoute: () => root,
  path: '/operator/$token',
  component: lazyRouteComponent(() => import('./pages/account/operator-claim.tsx'), 'OperatorClaim'),
});

const passwordForgotten = createRoute({
  getParentRoute: () => root,
  path: '/forgot-password',
  component: lazyRouteComponent(() => import('./pages/account/password-forgotten.tsx'), 'PasswordForgotten'),
});

const passwordReset = createRoute({
  getParentRoute: () => root,
  path: '/reset-password/$token',
  component: lazyRouteComponent(() => import('./pages/account/password-reset.tsx'), 'PasswordReset'),
});

const portal = createRoute({
  getParentRoute: () => root,
  path: '/portal/$token',
  component: lazyRouteComponent(() => import('./pages/account/portal-ended.tsx'), 'PortalEnded'),
});

/** Named, since beside a beforeLoad TypeScript does not infer it. */
const operatorSearch = texts('environment');

const operator = createRoute({
  getParentRoute: () => root,
  path: '/operator',
  validateSearch: operatorSearch,
  beforeLoad: async ({ context, location }): Promise<void> => {
    const session = await signedIn(context.queries, location.href);
    if (!session.operator) throw redirect({ to: '/' });
  },
  component: lazyRouteComponent(() => import('./pages/operator/operator.tsx'), 'Operator'),
});

const inside = createRoute({
  getParentRoute: () => root,
  path: '/$application/$environment',
  params: {
    parse: ({ application, environment }) => {
      if (environment !== 'production' && environment !== 'sandbox') throw notFound({ routeId: rootRouteId });
      return { application, environment: environment as Environment };
    },
    stringify: ({ application, environment }) => ({ application, environment }),
  },
  beforeLoad: async ({ context, location, params }) => {
    const session = await signedIn(context.queries, location.href);
    if (!session.operator && !session.applications.some(({ id }) => id === params.application)) throw notFound({ routeId: rootRouteId });
    const environment = allowed(session, params.environment);
    if (environment !== params.environment)
      throw redirect({ to: '/$application/$environment/overview', params: { ...params, environment } });
    keepEnvironment(environment);
  },
  component: Shell,
  notFoundComponent: NowhereInside,
});

const insideHome = createRoute({
  getParentRoute: () => inside,
  path: '/',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/$application/$environment/overview', params });
  },
});

const overview = createRoute({
  getParentRoute: () => inside,
  path: 'overview',
  validateSearch: texts('span'),
  component: lazyRouteComponent(() => import('./pages/overview/overview.tsx'), 'Overview'),
});

const deliveries = createRoute({
  getParentRoute: () => inside,
  path: 'deliveries',
  validateSearch: texts('status', 'endpoint', 'key', 'event', 'since', 'until'),
  component: lazyRouteComponent(() => import('./pages/deliveries/deliveries.tsx'), 'Deliveries'),
});

const delivery = createRoute({
  getParentRoute: () => deliveries,
  path: '$delivery',
  component: lazyRouteComponent(() => import('./pages/deliveries/delivery.tsx'), 'DeliveryPane'),
});

const events = createRoute({
  getParentRoute: () => inside,
  path: 'events',
  validateSearch: texts('type', 'key', 'since', 'until'),
  component: lazyRouteComponent(() => import('./pages/events/events.tsx'), 'Events'),
});

const event = createRoute({
  getParentRoute: () => events,
  path: '$event',
  component: lazyRouteComponent(() => import('./pages/events/event.tsx'), 'EventPane'),
});

const catalogue = createRoute({
  getParentRoute: () => inside,
  path: 'catalogue',
  component: lazyRouteComponent(() => import('./pages/catalogue/catalogue.tsx'), 'Catalogue'),
});

const eventType = createRoute({
  getParentRoute: () => catalogue,
  path: '$type',
  component: lazyRouteComponent(() => import('./pages/catalogue/event-type.tsx'), 'EventTypePane'),
});

const inbox = createRoute({
  getParentRoute: () => inside,
  path: 'inbox',
  validateSearch: texts('request'),
  component: lazyRouteComponent(() => import('./pages/inbox/inbox.tsx'), 'InboxPage'),
});

const apiSettings = createRoute({
  getParentRoute: () => inside,
  path: 'settings/api',
  validateSearch: texts('tab', 'language', 'scheme'),
  component: lazyRouteComponent(() => import('./pages/api-settings/api-settings.tsx'), 'ApiSettings'),
});

const endpoint = createRoute({
  getParentRoute: () => inside,
  path: 'settings/api/$endpoint',
  component: lazyRouteComponent(() => import('./pages/api-settings/endpoint.tsx'), 'EndpointPage'),
});

const team = createRoute({
  getParentRoute: () => inside,
  path: 'settings/team',
  component: lazyRouteComponent(() => import('./pages/team/team.tsx'), 'Team'),
});

const auditLog = createRoute({
  getParentRoute: () => inside,
  path: 'settings/audit-log',
  component: lazyRouteComponent(() => import('./pages/audit-log/audit-log.tsx'), 'AuditLog'),
});

const tree = root.addChildren([
  home,
  signIn,
  signUp,
  welcome,
  invitation,
  claim,
  passwordForgotten,
  passwordReset,
  portal,
  operator,
  inside.addChildren([
    insideHome,
    overview,
    deliveries.addChildren([delivery]),
    events.addChildren([event]),
    catalogue.addChildren([eventType]),
    inbox,
    apiSettings,
    endpoint,
    team,
    auditLog,
  ]),
]);

/** A client's error will not pass by itself; a server that does not answer may. */
const mayPass = (failures: number, error: Error): boolean =>
  failures < 2 && (!(error instanceof ApiProblem) || error.status === 0 || error.status >= 500);

function newQueries(): QueryClient {
  const queries = new QueryClient({
    defaultOptions: { queries: { retry: mayPass, staleTime: 2_000, refetchOnWindowFocus: true } },
  });
  // A session that ended while the page was open: back to the sign-in page, from wherever the news came; once, since a second call that learns of it
  // would break off the way there and begin it anew.
  let leaves = false;
  addEventListener('pageshow', () => {
    leaves = false;
  });
  queries.getQueryCache().subscribe(({ type, query }) => {
    const { error } = query.state;
    if (type !== 'updated' || !(error instanceof ApiProblem) || error.status !== 401 || location.pathname === '/sign-in') return;
    if (leaves) return;
    leaves = true;
    location.assign(`/sign-in?to=${encodeURIComponent(location.pathname + location.search)}`);
  });
  return queries;
}

export function createAppRouter() {
  const queries = newQueries();
  return createRouter({
    routeTree: tree,
    context: { queries },
    defaultPreload: 'intent',
    defaultPendingMs: 300,
    scrollRestoration: true,
    defaultPendingComponent: Loading,
    defaultErrorComponent: ({ error, reset }) => <Broken error={error instanceof Error ? error : new Error(String(error))} retry={reset} />,
    defaultNotFoundComponent: NowhereInside,
    // Search parameters as plain texts: ids and instants need no quotes.
    parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
    stringifySearch: (search) => {
      const given = Object.entries(search).filter(([, value]) => value !== undefined && value !== '');
      const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
      return text === '' ? '' : `?${text}`;
    },
    Wrap: ({ children }) => <QueryClientProvider client={queries}>{children}</QueryClientProvider>,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
